//! What a plugin of an incompatible plugin-api looks like to the host: the same exported symbol, a root module of the same name,
//! other fields.

use abi_stable::library::RootModule;
use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::{RString, RVec};
use abi_stable::{export_root_module, package_version_strings, StableAbi};

#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginRootRef)))]
#[sabi(missing_field(panic))]
pub struct PluginRoot {
    pub package: extern "C" fn() -> RString,
    #[sabi(last_prefix_field)]
    pub components: extern "C" fn() -> RVec<RString>,
}

impl RootModule for PluginRootRef {
    abi_stable::declare_root_module_statics! {PluginRootRef}
    const BASE_NAME: &'static str = "lookbook_plugin";
    const NAME: &'static str = "lookbook_plugin";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}

#[export_root_module]
pub fn root() -> PluginRootRef {
    PluginRoot { package, components }.leak_into_prefix()
}

extern "C" fn package() -> RString {
    "other-layout".into()
}

extern "C" fn components() -> RVec<RString> {
    RVec::new()
}
