//! `cargo xtask plugins`: the plugin crates, for people and as the matrix of a GitHub workflow.

use crate::failure::Result;
use crate::workspace::{Plugin, Workspace};
use serde_json::{Value, json};

pub fn print(workspace: &Workspace, as_json: bool) -> Result<()> {
    if as_json {
        println!("{}", matrix(&workspace.plugins));
        return Ok(());
    }
    let width = workspace.plugins.iter().map(|plugin| plugin.package.len()).max().unwrap_or(0);
    for plugin in &workspace.plugins {
        let cuda = if plugin.cuda { "  (cuda)" } else { "" };
        println!("{:width$}  {}{cuda}", plugin.package, plugin.path);
    }
    Ok(())
}

/// A job for every plugin: what `strategy.matrix` takes through `fromJSON`.
fn matrix(plugins: &[Plugin]) -> Value {
    let job = |plugin: &Plugin| {
        json!({
            "package": plugin.package,
            "kind": plugin.kind,
            "path": plugin.path,
            "library": plugin.library,
            "cuda": plugin.cuda,
        })
    };
    json!({ "include": plugins.iter().map(job).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matrix_has_a_job_for_every_plugin() {
        let plugin = Plugin {
            package: "lora-standard".into(),
            kind: "lora".into(),
            path: "plugins/lora/standard".into(),
            library: "lora_standard".into(),
            cuda: false,
        };
        assert_eq!(
            matrix(&[plugin]).to_string(),
            r#"{"include":[{"package":"lora-standard","kind":"lora","path":"plugins/lora/standard","library":"lora_standard","cuda":false}]}"#
        );
    }
}
