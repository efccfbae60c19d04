//! The root module: who the plugin is, what it holds, and its interfaces by name.

use abi_stable::StableAbi;
use abi_stable::abi_stability::abi_checking::check_layout_compatibility;
use abi_stable::library::RootModule;
use abi_stable::package_version_strings;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::{ROption, RStr, RString, RVec};
use abi_stable::type_layout::TypeLayout;

/// What every plugin exports. Frozen: new abilities are new interface names, never new fields.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginRootRef)))]
#[sabi(missing_field(panic))]
pub struct PluginRoot {
    /// The plugin's package, its version and the API it was built against.
    pub package: extern "C" fn() -> Package,
    pub components: extern "C" fn() -> RVec<ComponentInfo>,
    /// The interface of that name, or none.
    #[sabi(last_prefix_field)]
    pub interface: extern "C" fn(RStr<'_>) -> ROption<Interface>,
}

impl RootModule for PluginRootRef {
    abi_stable::declare_root_module_statics! {PluginRootRef}
    const BASE_NAME: &'static str = "lookbook_plugin";
    const NAME: &'static str = "lookbook_plugin";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}

/// A plugin's name and versions.
#[repr(C)]
#[derive(Debug, Clone, StableAbi)]
pub struct Package {
    pub name: RString,
    pub version: RString,
    pub api_version: RString,
}

/// One component of a plugin.
#[repr(C)]
#[derive(Debug, Clone, StableAbi)]
pub struct ComponentInfo {
    /// `captioner`, `encoder`, `metric`, `dataset`, `lora-strategy`, `trainer`, `recommender`, `asset`.
    pub kind: RString,
    pub name: RString,
    pub summary: RString,
    /// More, by kind, as a JSON object: a captioner's or encoder's `model_types`, an asset's `python_package` and `file`.
    pub detail: RString,
}

/// An interface that a plugin offers, with the layout it was compiled with.
#[repr(C)]
#[derive(Clone, Copy, StableAbi)]
pub struct Interface {
    layout: &'static TypeLayout,
    address: *const (),
}

// SAFETY: `address` always comes from a `&'static T` with `T: Sync` (see `Interface::new`).
unsafe impl Send for Interface {}
// SAFETY: as above.
unsafe impl Sync for Interface {}

/// A named table of functions. Its name ends in its version: `captioner/1`.
pub trait NamedInterface: StableAbi + Sync + 'static {
    const NAME: &'static str;
}

impl Interface {
    /// Wraps a plugin's table.
    pub fn new<T: NamedInterface>(table: &'static T) -> Interface {
        Interface { layout: T::LAYOUT, address: std::ptr::from_ref(table).cast() }
    }

    /// The table, once its layout is found to be the one that the caller was compiled with.
    ///
    /// # Errors
    /// A description of the first differences, for people.
    pub fn cast<T: NamedInterface>(&self) -> Result<&'static T, String> {
        check_layout_compatibility(T::LAYOUT, self.layout).map_err(|differences| differences.to_string())?;
        // SAFETY: the address is of a `T` of a compatible layout, checked just now, and libraries are never unloaded.
        Ok(unsafe { &*self.address.cast::<T>() })
    }
}
