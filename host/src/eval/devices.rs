//! `--jobs`: which devices captioning workers run on. A GPU is given to a worker by making it the only one that the worker sees.

use plugin_api::Device;
use std::str::FromStr;

/// How many captioning workers at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jobs {
    /// One for each GPU that can be seen; one where there is none.
    Auto,
    Count(usize),
}

impl Jobs {
    pub const ONE: Jobs = Jobs::Count(1);
}

impl FromStr for Jobs {
    type Err = String;

    fn from_str(text: &str) -> Result<Jobs, String> {
        match text.parse() {
            Ok(count @ 1..) => Ok(Jobs::Count(count)),
            _ if text == "auto" => Ok(Jobs::Auto),
            _ => Err("give a number from 1, or auto".to_owned()),
        }
    }
}

/// A worker's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// CPU threads; 0 is one a core.
    pub threads: usize,
    /// The one GPU that it sees, as `CUDA_VISIBLE_DEVICES` names it; none: what this process sees.
    pub gpu: Option<String>,
}

/// The places of the workers that were asked for, on these GPUs. `threads` is what all of them have together; 0: the machine's cores.
pub fn seats(jobs: Jobs, device: Device, threads: usize, gpus: &[String]) -> Vec<Seat> {
    // A GPU that was named is the only one.
    let gpus = if device == Device::Auto { gpus } else { &[] };
    let count = match jobs {
        Jobs::Count(count) => count.max(1),
        Jobs::Auto => gpus.len().max(1),
    };
    if count == 1 {
        return vec![Seat { threads, gpu: None }];
    }
    let all = match threads {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        threads => threads,
    };
    let gpu = |number: usize| gpus.get(number % gpus.len().max(1)).cloned();
    (0..count).map(|number| Seat { threads: (all / count).max(1), gpu: gpu(number) }).collect()
}

/// The GPUs that this process may use: those of `CUDA_VISIBLE_DEVICES`, which schedulers set, else the machine's.
pub fn visible_gpus() -> Vec<String> {
    match std::env::var("CUDA_VISIBLE_DEVICES") {
        // As in CUDA, what follows an invalid entry is not seen.
        Ok(list) => {
            list.split(',').map(str::trim).take_while(|id| !id.is_empty() && *id != "-1").map(str::to_owned).collect()
        }
        Err(_) => {
            let entries = std::fs::read_dir("/dev").into_iter().flatten().flatten();
            let numbered = |name: String| name.strip_prefix("nvidia")?.parse::<usize>().ok();
            let count = entries.filter_map(|entry| numbered(entry.file_name().to_string_lossy().into_owned())).count();
            (0..count).map(|number| number.to_string()).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gpus(count: usize) -> Vec<String> {
        (0..count).map(|number| number.to_string()).collect()
    }

    #[test]
    fn automatic_jobs_are_one_a_gpu_and_one_without() {
        let seats_of = |count| seats(Jobs::Auto, Device::Auto, 16, &gpus(count));
        assert_eq!(seats_of(0), [Seat { threads: 16, gpu: None }]);
        assert_eq!(seats_of(1), [Seat { threads: 16, gpu: None }]);
        let four = seats_of(4);
        assert_eq!(four.iter().map(|seat| seat.gpu.as_deref()).collect::<Vec<_>>(), ["0", "1", "2", "3"].map(Some));
        assert!(four.iter().all(|seat| seat.threads == 4));
    }

    #[test]
    fn threads_are_divided_and_a_named_gpu_is_shared() {
        let five = seats(Jobs::Count(5), Device::Cpu, 2, &gpus(8));
        assert_eq!(five, vec![Seat { threads: 1, gpu: None }; 5]);
        assert!(seats(Jobs::Count(2), Device::Cuda(3), 2, &gpus(8)).iter().all(|seat| seat.gpu.is_none()));
        assert_eq!(seats(Jobs::Auto, Device::Cuda(3), 0, &gpus(8)).len(), 1);
    }

    #[test]
    fn jobs_are_a_number_or_auto() {
        assert_eq!("auto".parse(), Ok(Jobs::Auto));
        assert_eq!("3".parse(), Ok(Jobs::Count(3)));
        assert!("0".parse::<Jobs>().is_err() && "many".parse::<Jobs>().is_err());
    }
}
