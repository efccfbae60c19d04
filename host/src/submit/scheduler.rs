//! Running a scheduler's commands, and what to do about what they say when they refuse.

use crate::error::{Error, Result};
use std::io::Write;
use std::process::{Command, Stdio};

/// Words of a scheduler, and what to do.
const ADVICE: [(&str, &str); 18] = [
    (
        "exceeded quota",
        "the namespace's quota is full: `kubectl describe quota` shows it; wait for other jobs, or ask for less --cpus, --mem, --gpus or --at-most",
    ),
    ("invalid partition", "`sinfo --format=%P` lists the partitions; choose one with --partition"),
    (
        "Invalid account",
        "`sacctmgr show associations user=$USER` lists your accounts; choose one with --sbatch=--account=NAME",
    ),
    ("Invalid qos", "`sacctmgr show qos` lists them; choose one with --sbatch=--qos=NAME"),
    (
        "policy",
        "a limit of the site: send fewer tasks with --shards, ask for less --time or --mem, or wait for earlier jobs; `sacctmgr show associations user=$USER` shows limits",
    ),
    (
        "Limit",
        "a limit of the site: send fewer tasks with --shards, ask for less --time or --mem, or wait for earlier jobs; `sacctmgr show associations user=$USER` shows limits",
    ),
    ("time limit is invalid", "ask for less --time; `sinfo --format='%P %l'` shows each partition's limit"),
    (
        "generic resource",
        "`sinfo --format='%P %G'` shows what the nodes have; correct --gres, or leave it out with --gres none",
    ),
    ("gres", "`sinfo --format='%P %G'` shows what the nodes have; correct --gres, or leave it out with --gres none"),
    (
        "Memory specification",
        "`sinfo --format='%P %m'` shows the nodes' MB; ask for less --mem, or divide the work with --shards",
    ),
    (
        "configuration is not available",
        "no node has so much: `sinfo --format='%P %c %m %G'` shows what they have; ask for less --cpus, --mem or --gres",
    ),
    ("More processors requested", "`sinfo --format='%P %c'` shows the nodes' processors; ask for less --cpus"),
    (
        "Invalid job array",
        "the array is longer than the site allows (`scontrol show config | grep MaxArraySize`): ask for fewer --shards, or submit model by model",
    ),
    ("Unable to contact slurm", "the controller is down; try later, and `scontrol ping` tells when it is back"),
    ("Could not establish a configuration source", "this machine is not part of a cluster: run it on a login node"),
    (
        "forbidden",
        "your account may not do this: `kubectl auth can-i create jobs` tells; another --namespace may be yours",
    ),
    ("namespaces", "`kubectl get namespaces` lists them; choose one with --namespace"),
    (
        "refused",
        "no cluster answers there: `kubectl config get-contexts` shows which one is asked; --dry-run prints the manifests without one",
    ),
];

/// Runs a command and gives what it printed. What it says when it refuses is the error, with what to do.
///
/// # Errors
/// The program is not there, or refuses.
pub fn ask(program: &str, arguments: &[&str], input: Option<&str>) -> Result<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    let spawned = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.map_err(|error| absent(program, &error))?;
    if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
        // A program that does not read to the end says why.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output =
        child.wait_with_output().map_err(|error| Error::failed(format!("cannot hear `{program}`: {error}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let words = if words.is_empty() { format!("{}", output.status) } else { words };
    let refused = Error::failed(format!("`{program}` refuses:\n    {}", words.replace('\n', "\n    ")));
    let known = ADVICE.iter().find(|(part, _)| words.to_lowercase().contains(&part.to_lowercase()));
    Err(match known {
        Some((_, advice)) => refused.help(*advice),
        None => refused,
    })
}

fn absent(program: &str, error: &std::io::Error) -> Error {
    if error.kind() != std::io::ErrorKind::NotFound {
        return Error::failed(format!("cannot run `{program}`: {error}"));
    }
    let engine = if program == "kubectl" { "Kubernetes" } else { "Slurm" };
    Error::failed(format!("{engine} is not here: there is no `{program}` on the PATH")).help(
        "run this where jobs are submitted from; --dry-run prints what would be sent; `host eval --jobs auto` uses this machine alone",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_says_is_in_the_error_with_what_to_do() {
        let error = ask("sh", &["-c", "echo 'sbatch: error: invalid partition specified: x' >&2; exit 1"], None);
        let error = error.unwrap_err();
        assert!(error.message.contains("invalid partition specified: x"), "{error}");
        assert!(error.help.unwrap().contains("sinfo"));
        assert!(ask("no-such-scheduler", &[], None).unwrap_err().message.contains("not here"));
        assert_eq!(ask("cat", &[], Some("words")).unwrap(), "words");
    }
}
