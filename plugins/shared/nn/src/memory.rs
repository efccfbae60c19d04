//! How much memory a model takes, estimated from shapes before anything is loaded, and how much there is.

use crate::{Error, Placement, Result};
use plugin_api::MemoryNeed;
use std::path::Path;

/// Batches whose pixels lie in memory at once: those prepared ahead, and the one on the device.
const WAITING: usize = 5;

/// A stack of transformer layers, run one layer at a time.
#[derive(Debug, Clone, Copy)]
pub struct Tower {
    pub positions: usize,
    pub width: usize,
    /// Width of the feed-forward part, both halves of a gated one.
    pub inner: usize,
    pub heads: usize,
}

impl Tower {
    /// Numbers alive at once within a layer: input, normed, queries, keys, values, attended; the feed-forward part before and
    /// after its function; scores and their softmax.
    fn numbers(&self) -> usize {
        self.positions * (6 * self.width + 2 * self.inner) + 2 * self.heads * self.positions * self.positions
    }

    /// Multiplications and additions of so many layers: four square matrices and two of the feed-forward part a layer, and attention.
    pub fn flop(&self, layers: usize) -> f64 {
        let (positions, width, inner) = (self.positions as f64, self.width as f64, self.inner as f64);
        let matrices = 2.0 * positions * (4.0 * width * width + 2.0 * width * inner);
        layers as f64 * (matrices + 4.0 * positions * positions * width)
    }
}

/// What one image of a batch takes, in numbers.
#[derive(Debug, Clone)]
pub struct PerImage {
    /// Side of the image in pixels.
    pub side: usize,
    /// The parts that see the image, one after the other.
    pub vision: Vec<Tower>,
    /// The language model reading its prompt.
    pub prompt: Tower,
    /// Numbers of keys and values that stay for the whole caption.
    pub cache: usize,
    pub vocabulary: usize,
    pub beams: usize,
}

impl PerImage {
    /// In bytes, where a number has so many: what every image of a batch takes.
    pub fn bytes(&self, number: usize) -> u64 {
        let pixels = WAITING * 3 * self.side * self.side * size_of::<f32>();
        let saying = self.prompt.numbers() + self.beams * self.cache;
        // Scores come to the host in f32 where they are looked at there.
        let scores = self.beams * self.vocabulary * (number + 2 * size_of::<f32>());
        (pixels + number * saying + scores) as u64
    }

    /// In bytes: what seeing takes at most, of the images that are seen at once.
    pub fn seeing_bytes(&self, number: usize, at_once: usize) -> u64 {
        let seeing = self.vision.iter().map(Tower::numbers).max().unwrap_or(0);
        (number * seeing * at_once) as u64
    }
}

/// The needs on every kind of device.
pub fn needs(parameters: u64, image: &PerImage) -> Vec<MemoryNeed> {
    let free = |cuda: bool| match cuda {
        false => free_memory(),
        // None where models cannot run there: `auto` takes the CPU then.
        true => Placement::cuda(0).and_then(Placement::checked).ok().and_then(|_| free_cuda(0)),
    };
    [("cpu", "f32", 4), ("cuda", "bf16", 2)]
        .map(|(device, precision, number)| MemoryNeed {
            device: device.into(),
            precision: precision.into(),
            weights: parameters * number as u64,
            image: image.bytes(number),
            group: image.seeing_bytes(number, crate::vision::seen_at_once(device == "cpu")),
            free: free(device == "cuda"),
        })
        .into()
}

/// Refuses weights that cannot fit, before a byte of them is read.
///
/// # Errors
/// [`Error::Memory`], with what is needed and what is there.
pub fn refuse_too_large(directory: &Path, parameters: u64, placement: &Placement) -> Result<()> {
    let free = match placement.cuda_index() {
        Some(index) => free_cuda(index),
        None => free_memory(),
    };
    let needed = parameters * placement.number_bytes();
    match free {
        Some(free) if needed > free => Err(Error::Memory(format!(
            "{}: its {:.2} billion weights take {:.1} GiB in {} on {placement}, where {:.1} GiB are free",
            directory.display(),
            parameters as f64 / 1e9,
            gibibytes(needed),
            placement.precision(),
            gibibytes(free)
        ))),
        _ => Ok(()),
    }
}

fn gibibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1_u32 << 30)
}

/// Memory that this process can still take: what the machine has to give, or the control group where that is less. `None` where
/// the system does not tell.
pub fn free_memory() -> Option<u64> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok()?;
    let machine = kilobytes(&meminfo, "MemAvailable:")?;
    let number = |path: &str| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let group = number("/sys/fs/cgroup/memory.max")
        .zip(number("/sys/fs/cgroup/memory.current"))
        .map(|(limit, used)| limit.saturating_sub(used.saturating_sub(reclaimable())));
    Some(group.map_or(machine, |group| group.min(machine)))
}

/// The control group counts cached files that the kernel gives up when asked.
fn reclaimable() -> u64 {
    let stat = std::fs::read_to_string("/sys/fs/cgroup/memory.stat").unwrap_or_default();
    let line = stat.lines().find_map(|line| line.strip_prefix("inactive_file "));
    line.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
}

/// The most memory that this process has held so far.
pub fn peak_memory(placement: &Placement) -> Option<u64> {
    match placement.cuda_index() {
        Some(index) => nvidia_smi(index, "memory.used"),
        None => kilobytes(&std::fs::read_to_string("/proc/self/status").ok()?, "VmHWM:"),
    }
}

/// Lets [`peak_memory`] of the CPU begin anew, where the system can.
pub fn forget_peak() {
    // Linux: proc(5), clear_refs. A failure leaves the old peak, which is still true.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Lets this process keep the memory that it frees: the next layer's values are as large as the last one's, and handing pages back and
/// forth took a tenth of the time of seeing an image.
pub fn keep_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // The largest that glibc takes.
        const MMAP_THRESHOLD: libc::c_int = 32 << 20;
        // SAFETY: mallopt only sets parameters of the allocator. Where it refuses one, all stays as it was.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, MMAP_THRESHOLD);
            libc::mallopt(libc::M_TRIM_THRESHOLD, libc::c_int::MAX);
        }
    }
}

fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? * 1024)
}

fn free_cuda(index: usize) -> Option<u64> {
    nvidia_smi(index, "memory.free")
}

/// A number of the driver's own tool, which comes with every driver; in bytes.
fn nvidia_smi(index: usize, query: &str) -> Option<u64> {
    let output = std::process::Command::new("nvidia-smi")
        .args([&format!("--query-gpu={query}"), "--format=csv,noheader,nounits", &format!("--id={index}")])
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().parse::<u64>().ok()? << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_beyond_the_machine_are_refused_before_they_are_read() {
        let Ok(cpu) = Placement::cpu() else { return };
        let Some(free) = free_memory() else { return };
        assert!(refuse_too_large(Path::new("small"), 1_000, &cpu).is_ok());
        let error = refuse_too_large(Path::new("huge"), free, &cpu).unwrap_err().to_string();
        assert!(error.starts_with("huge: its ") && error.contains("GiB are free"), "{error}");
    }

    #[test]
    fn beams_multiply_what_stays_and_not_what_is_seen() {
        let tower = Tower { positions: 10, width: 4, inner: 8, heads: 2 };
        let image = PerImage {
            side: 2,
            vision: vec![tower],
            prompt: Tower { positions: 2, ..tower },
            cache: 1000,
            vocabulary: 0,
            beams: 1,
        };
        assert_eq!(image.bytes(4), 5 * 12 * 4 + 4 * (2 * (24 + 16) + 2 * 2 * 4 + 1000));
        assert_eq!(image.seeing_bytes(4, 3), 3 * 4 * (10 * (24 + 16) + 2 * 2 * 100));
        let more = PerImage { beams: 3, ..image.clone() };
        assert_eq!(more.bytes(4) - image.bytes(4), 4 * 2000);
    }
}
