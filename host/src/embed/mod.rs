//! `host embed`: features of a catalogue's items by an encoder, in a folder that other commands read. What is embedded is `source`'s
//! affair, the work `work`'s, the folder `folder`'s; `pca` makes narrower features of wide ones.

mod captions;
mod features;
mod folder;
pub mod npy;
pub mod pca;
mod source;
mod work;

pub use captions::{CaptionSource, read as read_captions};
pub use features::{Features, RowReader};
pub use folder::{Counts, Folder, Layout, Manifest, Plan};
pub use source::Request;

use crate::error::{Error, Result};
use crate::progress::Reporter;
use crate::registry::{Lock, Registry};
use crate::run::{Kind, RunLock, Shard};
use crate::stop;
use plugin_api::EmbeddingSpace;
use source::Source;

/// Embeds a dataset, or what is missing of it. What is finished is left as it is.
///
/// # Errors
/// The names, the plan of an earlier command in the same folder, or the encoder; an item that cannot be embedded is no error.
pub fn embed(registry: &Registry, lock: &Lock, request: &Request, reporter: &Reporter) -> Result<Manifest> {
    let source = source::resolve(registry, lock, request)?;
    source.encoder.library.checked_digest()?;
    let folder = Folder::new(&request.out);
    let _held = RunLock::take(&request.out, Kind::Features, Shard::WHOLE)?;
    // What was begun before its plan stood in the folder may be another command's.
    let Some(earlier) = folder.manifest()? else {
        folder.clear_begun();
        return embed_rest(&source, request, &folder, reporter);
    };
    folder.refuse_other(&earlier.plan, &source.plan)?;
    if request.space.as_ref().is_some_and(|space| *space != earlier.space.name) {
        return Err(Error::usage(format!(
            "{} holds features of the space `{}`",
            request.out.display(),
            earlier.space.name
        ))
        .help("choose another folder with --out DIR"));
    }
    if folder.is_whole(&earlier) {
        // A command that was killed at the very end did not come to it.
        folder.clear_unfinished();
        reporter.note(&format!("{}: the features are there already", request.out.display()));
        return Ok(earlier);
    }
    embed_rest(&source, request, &folder, reporter)
}

fn embed_rest(source: &Source, request: &Request, folder: &Folder, reporter: &Reporter) -> Result<Manifest> {
    let items = source::items(source, request, folder, reporter)?;
    stop::check()?;
    folder.check_ids(&items, source.plan.layout)?;
    work::embed_items(source, request, folder, items, reporter)
}

/// All that decides the features that a request leads to. Opens no library.
///
/// # Errors
/// A name, or weights that are not here.
pub fn plan(registry: &Registry, lock: &Lock, request: &Request) -> Result<Plan> {
    Ok(source::resolve(registry, lock, request)?.plan)
}

/// The space asked for, or the only one.
fn chosen_space(model: &str, asked: Option<&str>, spaces: &[EmbeddingSpace]) -> Result<EmbeddingSpace> {
    let known = || spaces.iter().map(described).collect::<Vec<_>>().join(", ");
    match (asked, spaces) {
        (None, [only]) => Ok(only.clone()),
        (None, _) => Err(Error::usage(format!("`{model}` has several spaces")).help(format!("--space: {}", known()))),
        (Some(name), _) => spaces.iter().find(|space| space.name == name).cloned().ok_or_else(|| {
            let nearest = spaces.iter().find(|space| strsim::jaro_winkler(&space.name, name) > 0.8);
            let help = match nearest {
                Some(nearest) => format!("did you mean `{}`?", nearest.name),
                None => format!("there are: {}", known()),
            };
            Error::usage(format!("`{model}` has no space `{name}`")).help(help)
        }),
    }
}

fn described(space: &EmbeddingSpace) -> String {
    let shape: Vec<String> = space.shape.iter().map(usize::to_string).collect();
    format!("{} ({})", space.name, shape.join(" × "))
}
