//! The worker's side: reads commands, calls plugins, tells events. It ends with its host, whatever a plugin is doing.

use super::captioning::{Session, open_dataset};
use super::embedding::Embedder;
use super::picture::Gallery;
use super::protocol::{Command, ComponentSpec, Event};
use super::{comparing, scoring};
use crate::catalogue::{Selection, select};
use crate::error::{Error, Result};
use crate::loader::{Notice, check, listen};
use crate::progress::tell;
use crate::recommend::run_trial;
use crate::run::{replace_file, write_items};
use crate::score::Resampler;
use crate::stop;
use crate::train::fit;
use plugin_api::LogLevel;
use plugin_api::abi::messages::MergeMessage;
use std::fs::File;
use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};

/// Where events go.
#[derive(Clone)]
pub struct Speaker(Arc<Mutex<File>>);

impl Speaker {
    pub fn say(&self, event: &Event) {
        let Ok(mut line) = serde_json::to_vec(event) else { return };
        line.push(b'\n');
        let mut stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A host that no longer listens is gone; the reader of commands ends this process.
        let _ = stream.write_all(&line);
    }
}

/// Runs as a worker until the host closes the stream of commands.
pub fn serve() -> Result<()> {
    stop::leave_to_host();
    let speaker = Speaker(Arc::new(Mutex::new(
        own_stream().map_err(|error| Error::failed(format!("a worker needs its pipes: {error}")))?,
    )));
    let (sender, commands) = mpsc::channel::<Command>();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            match serde_json::from_str(&line) {
                // At once: what is to stop looks at it between two steps.
                Ok(Command::Stop) => stop::request(),
                Ok(command) => drop(sender.send(command)),
                Err(error) => tell(&format!("a command is not understood: {error}")),
            }
        }
        // The host has closed the stream or is dead. A plugin may be spinning in native code, so there is no asking it.
        // SAFETY: `_exit` ends the process without running destructors, of which none here must run.
        unsafe { libc::_exit(0) }
    });
    let plugins = speaker.clone();
    listen(move |notice| {
        plugins.say(&match notice {
            Notice::Log { level, message } => Event::Log { level: level_name(level).to_owned(), message },
            Notice::Progress { done, total } => Event::Progress { done, total },
        });
    });
    let mut session = Session::default();
    let mut embedder = Embedder::default();
    let mut gallery = Gallery::default();
    for command in commands {
        let done = match command {
            Command::Stop => continue,
            Command::List { dataset, request, items_file, dropped_file } => {
                open_dataset(&dataset).and_then(|dataset| select(&dataset, &request)).map(|selection| {
                    let saved = save_selection(&selection, &items_file, &dropped_file);
                    let listed = Event::Listed { items: selection.items.len(), dropped: selection.dropped.len() };
                    saved.map_or_else(|error| Event::NotSaved(error.into()), |()| listed)
                })
            }
            Command::Load { captioner } => session.load(&captioner).map(|description| Event::Loaded { description }),
            Command::Inspect { model } => model.library.open().and_then(|plugin| {
                let report = plugin.inspect(model.component.as_deref(), &model.entry, &model.message)?;
                Ok(Event::Inspected { report })
            }),
            Command::Bench { model } => model.library.open().and_then(|plugin| {
                let report = plugin.bench(model.component.as_deref(), &model.entry, &model.message)?;
                Ok(Event::Benched { report })
            }),
            Command::Caption { dataset, items, batch_size, loaders } => {
                session.caption(dataset.as_ref(), &items, batch_size, loaders, &speaker).map(|()| Event::Done)
            }
            Command::LoadEncoder { encoder } => {
                embedder.load(&encoder).map(|description| Event::EncoderLoaded { description })
            }
            Command::Embed { dataset, items, space, batch_size, loaders, rows } => {
                let work = embedder.embed(dataset.as_ref(), &items, &space, batch_size, loaders, rows, &speaker);
                work.map(|saved| saved.map_or_else(|error| Event::NotSaved(error.into()), |()| Event::Done))
            }
            Command::Train { job } => fit(&job, &speaker).map(|()| Event::Done),
            Command::Merge { model, merge } => merge_adapter(&model, &merge).map(|said| Event::Merged { said }),
            Command::Picture { dataset, image, size, file } => gallery.write(dataset.as_ref(), &image, size, &file),
            Command::Score { metrics, items_file, cells, resamples, seed } => {
                scoring::score_cells(&metrics, &items_file, &cells, resamples, seed, &speaker).map(|()| Event::Done)
            }
            Command::Check { library, families, done } => {
                check(&library, &families, done, &|news| speaker.say(&Event::Checking { news })).map(|()| Event::Done)
            }
            Command::Compare { metric, baseline, candidate, resamples, seed } => {
                comparing::compare_cells(&metric, &baseline, &candidate, Resampler { resamples, seed })
            }
            Command::CheckRecommender { recommender } => recommender
                .library
                .open()
                .and_then(|plugin| {
                    plugin.recommender(recommender.component.as_deref(), &recommender.entry, &recommender.message)
                })
                .and_then(|recommender| recommender.describe())
                .map(|description| Event::Checked { description }),
            Command::CheckStrategy { strategy } => strategy
                .library
                .open()
                .and_then(|plugin| {
                    plugin.lora_strategy(strategy.component.as_deref(), &strategy.entry, &strategy.message)
                })
                .map(|_| Event::Done),
            Command::Recommend { work } => {
                let alive = |done, total| speaker.say(&Event::Progress { done: done as u64, total: total as u64 });
                run_trial(&work, &alive).map(|()| Event::Done)
            }
        };
        speaker.say(&done.unwrap_or_else(|error| Event::Failed(error.into())));
    }
    Ok(())
}

fn merge_adapter(model: &ComponentSpec<()>, merge: &MergeMessage) -> Result<String> {
    model.library.open()?.merge(model.component.as_deref(), &model.entry, merge)
}

fn save_selection(selection: &Selection, items_file: &Path, dropped_file: &Path) -> Result<()> {
    let dropped = selection.dropped.iter().filter_map(|record| serde_json::to_string(record).ok());
    let dropped: String = dropped.map(|line| line + "\n").collect();
    replace_file(dropped_file, dropped.as_bytes())?;
    write_items(items_file, &selection.items)
}

/// Keeps standard output for events and gives plugins' own printing to standard error.
#[cfg(unix)]
fn own_stream() -> std::io::Result<File> {
    use std::os::fd::FromRawFd;
    // SAFETY: plain duplication of this process's own descriptors, before any other thread runs.
    unsafe {
        let events = libc::fcntl(1, libc::F_DUPFD_CLOEXEC, 3);
        if events < 0 || libc::dup2(2, 1) < 0 {
            return Err(std::io::Error::last_os_error());
        }
        Ok(File::from_raw_fd(events))
    }
}

fn level_name(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warning => "warning",
        LogLevel::Error => "error",
    }
}
