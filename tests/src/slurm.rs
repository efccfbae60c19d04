//! A real Slurm on this machine for a test, started and stopped by `slurm/cluster.sh`.

use crate::processes::processes_in;
use crate::{Host, repository};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Two virtual nodes, `n1` and `n2`. Stopped when dropped.
pub struct Slurm {
    folder: tempfile::TempDir,
}

impl Slurm {
    /// None, with the reason said, where Slurm is not installed or this is not root.
    pub fn start() -> Option<Slurm> {
        // SAFETY: it reads this process's own number.
        let root = unsafe { libc::geteuid() } == 0;
        let there = |program: &str| {
            let places = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];
            places.iter().any(|place| Path::new(place).join(program).is_file())
        };
        if let Some(lacking) = ["sbatch", "slurmctld", "slurmd", "munged"].iter().find(|program| !there(program)) {
            println!("skipped: there is no {lacking}; Debian's packages slurm-wlm and munge have it");
            return None;
        }
        if !root {
            println!("skipped: a Slurm of one's own needs root");
            return None;
        }
        let slurm = Slurm { folder: tempfile::tempdir().expect("temporary folders can be made") };
        if slurm.cluster("start", &[]) {
            return Some(slurm);
        }
        println!("skipped: Slurm does not start on this machine; what its daemons say stands above");
        None
    }

    /// As if the node's power went.
    pub fn kill_node(&self, node: &str) {
        assert!(self.cluster("kill-node", &[node]));
    }

    /// The living processes of jobs on a node.
    pub fn processes_on(&self, node: &str) -> Vec<u32> {
        processes_in(&[format!("SLURMD_NODENAME={node}"), format!("SLURM_CONF={}", self.configuration())])
    }

    /// The living processes of an array's task, by its number.
    pub fn processes_of(&self, task: usize) -> Vec<u32> {
        processes_in(&[format!("SLURM_ARRAY_TASK_ID={task}"), format!("SLURM_CONF={}", self.configuration())])
    }

    /// A command of the host that reaches this cluster.
    pub fn host(&self, host: Host) -> Host {
        host.environment("SLURM_CONF", &self.configuration())
    }

    /// What a command of Slurm prints.
    pub fn ask(&self, program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program).args(arguments).env("SLURM_CONF", self.configuration()).output();
        let output = output.expect("Slurm's commands are there");
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub fn configuration(&self) -> String {
        self.path("slurm.conf").display().to_string()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn cluster(&self, command: &str, rest: &[&str]) -> bool {
        let script = repository().join("tests/slurm/cluster.sh");
        let status =
            Command::new(script).arg(command).arg(self.folder.path()).args(rest).env_remove("SLURM_CONF").status();
        status.is_ok_and(|status| status.success())
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        let _ = self.cluster("stop", &[]);
    }
}
