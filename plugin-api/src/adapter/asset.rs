//! Registered assets behind `assets/1`.

use super::guard::{find, guarded};
use crate::abi::{AssetInterface, Failure, HostCallbacks};
use crate::sdk::{AssetEntry, Host};
use abi_stable::std_types::{RResult, RStr, RString};
use std::path::Path;

extern "C" fn install(
    name: RStr<'_>,
    file: RStr<'_>,
    folder: RStr<'_>,
    host: HostCallbacks,
) -> RResult<RString, Failure> {
    guarded(|| {
        let entry = find("asset", name.as_str(), inventory::iter::<AssetEntry>(), |entry| entry.name)?;
        (entry.install)(Path::new(file.as_str()), Path::new(folder.as_str()), Host(host)).map(RString::from)
    })
}

pub static INTERFACE: AssetInterface = AssetInterface { install };
