//! What the end-to-end tests share: the built host and plugins, places with a registry of their own, commands with a time limit,
//! run directories to compare. The tests themselves are in `tests/`; parity fixtures lie in `parity/`, plugins for tests in `plugins/`.
//! Killing, mounting and looking at processes are done as Linux has them.

mod artifacts;
mod browser;
mod catalogue;
mod command;
mod generated_run;
mod hub;
mod place;
mod processes;
mod random;
mod registry;
mod run_directory;
mod slurm;
mod small_disk;
mod web_server;

pub use artifacts::{cargo_target, host_program, library, repository};
pub use browser::{Browser, Screen};
pub use catalogue::{copy_folder, sample_catalogue, take_out_descriptions, test_image};
pub use command::{Host, Outcome};
pub use generated_run::{DATASET, GeneratedRun, predictions_file, write_lines};
pub use hub::{Faults, Hub, REPOSITORY};
pub use place::Place;
pub use processes::{processes_with, wait_until};
pub use random::random;
pub use registry::Registry;
pub use run_directory::{RunFiles, assert_same_run, predictions, sweep_results};
pub use slurm::Slurm;
pub use small_disk::SmallDisk;
pub use web_server::{Answer, WebServer, escaped};
