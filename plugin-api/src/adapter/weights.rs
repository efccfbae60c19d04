//! Functions of `register_weights!` and `register_bench!` behind `weights/1` and `bench/1`.

use super::guard::{find, from_json, guarded, to_json};
use crate::abi::{BenchInterface, Failure, HostCallbacks, WeightsInterface};
use crate::sdk::{BenchEntry, Host, WeightsEntry};
use abi_stable::std_types::{RResult, RStr, RString};

extern "C" fn inspect(name: RStr<'_>, source: RStr<'_>, host: HostCallbacks) -> RResult<RString, Failure> {
    guarded(|| {
        let entry =
            find("captioner that can be inspected", name.as_str(), inventory::iter::<WeightsEntry>(), |entry| {
                entry.name
            })?;
        to_json(&(entry.inspect)(&from_json(source.as_str())?, Host(host))?).map(RString::from)
    })
}

extern "C" fn run(name: RStr<'_>, request: RStr<'_>, host: HostCallbacks) -> RResult<RString, Failure> {
    guarded(|| {
        let entry =
            find("captioner that can be measured", name.as_str(), inventory::iter::<BenchEntry>(), |entry| entry.name)?;
        to_json(&(entry.run)(&from_json(request.as_str())?, Host(host))?).map(RString::from)
    })
}

pub static WEIGHTS: WeightsInterface = WeightsInterface { inspect };
pub static BENCH: BenchInterface = BenchInterface { run };
