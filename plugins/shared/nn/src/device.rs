//! Where a model runs and in which number format: the CPU in f32, CUDA in bf16.
//! What the kernels do there is burn's; the choice of a device for a run is the host's.

use crate::{Error, Result};
use burn::tensor::{DType, Device, FloatDType, Tensor, TensorData};
use half::bf16;
use rayon::prelude::*;

/// A device together with the number format of its arithmetic.
#[derive(Debug, Clone)]
pub struct Placement {
    pub device: Device,
    pub dtype: DType,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Cpu,
    #[cfg_attr(not(feature = "cuda"), expect(dead_code, reason = "only a build with CUDA makes it"))]
    Cuda(usize),
}

impl Placement {
    /// The CPU, in f32.
    ///
    /// # Errors
    /// This build was made without the `flex` feature.
    pub fn cpu() -> Result<Placement> {
        #[cfg(feature = "flex")]
        return Ok(Placement { device: Device::flex(), dtype: DType::F32, kind: Kind::Cpu });
        #[cfg(not(feature = "flex"))]
        Err(Error::Device("this build has no CPU backend; build it with the feature `flex`".into()))
    }

    /// A CUDA device, in bf16.
    ///
    /// # Errors
    /// This build was made without the `cuda` feature, or no driver answers.
    pub fn cuda(index: usize) -> Result<Placement> {
        if !Self::cuda_answers() {
            return Err(Error::Device(if cfg!(feature = "cuda") {
                "no CUDA driver answers here; use the device `cpu`".into()
            } else {
                "this build knows no CUDA; build it with the feature `cuda`, or use the device `cpu`".into()
            }));
        }
        #[cfg(feature = "cuda")]
        {
            crate::gpu::set_up();
            Ok(Placement { device: Device::cuda(index), dtype: DType::BF16, kind: Kind::Cuda(index) })
        }
        #[cfg(not(feature = "cuda"))]
        Err(Error::Device(format!("CUDA device {index} is out of this build's reach")))
    }

    /// CUDA where this build knows it, a driver answers and the device computes in bf16, else the CPU.
    pub fn auto() -> Result<Placement> {
        if Self::cuda_answers() { Self::cuda(0)?.checked().or_else(|_| Self::cpu()) } else { Self::cpu() }
    }

    /// This one, if models can run there. Starts the device.
    ///
    /// # Errors
    /// It is a GPU that cannot be started, or that does not compute in bf16.
    pub fn checked(self) -> Result<Placement> {
        #[cfg(feature = "cuda")]
        if let Some(index) = self.cuda_index() {
            crate::gpu::check(index)?;
        }
        Ok(self)
    }

    /// Whether a CUDA driver with at least one device is there. The driver's library is looked for without initialising it:
    /// burn itself panics when it is missing.
    fn cuda_answers() -> bool {
        cfg!(feature = "cuda")
            && (std::path::Path::new("/dev/nvidiactl").exists() || std::path::Path::new("/dev/dxg").exists())
    }

    /// Numbers on this device, in its format. They are made smaller before they travel, by all threads.
    pub fn tensor<const D: usize>(&self, numbers: &[f32], shape: [usize; D]) -> Tensor<D> {
        let data = match self.dtype {
            DType::BF16 => TensorData::new(numbers.par_iter().map(|&x| bf16::from_f32(x)).collect::<Vec<_>>(), shape),
            _ => TensorData::new(numbers.to_vec(), shape),
        };
        Tensor::from_data(data, (&self.device, self.dtype))
    }

    pub fn is_cpu(&self) -> bool {
        self.kind == Kind::Cpu
    }

    /// Which CUDA device this is.
    pub fn cuda_index(&self) -> Option<usize> {
        match self.kind {
            Kind::Cpu => None,
            Kind::Cuda(index) => Some(index),
        }
    }

    /// Bytes of a number in the device's format.
    pub fn number_bytes(&self) -> u64 {
        if self.dtype == DType::BF16 { 2 } else { 4 }
    }

    /// `f32` or `bf16`.
    pub fn precision(&self) -> &'static str {
        if self.dtype == DType::BF16 { "bf16" } else { "f32" }
    }
}

impl std::fmt::Display for Placement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.kind {
            Kind::Cpu => f.write_str("cpu"),
            Kind::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

/// Runs work that ends with reading what it computed: on a GPU, what failed behind the calls' back is an error, and no result.
///
/// # Errors
/// Those of the work; [`Error::Memory`] where a GPU had no room.
pub fn watched<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    #[cfg(feature = "cuda")]
    return crate::gpu::watched(work);
    #[cfg(not(feature = "cuda"))]
    work()
}

/// The same numbers in f32.
pub(crate) fn f32_like<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if x.dtype() == DType::F32 { x } else { x.cast(FloatDType::F32) }
}

/// Limits the threads that CPU kernels of this library keep busy; 0 leaves the choice to the machine. Only the first call has
/// an effect: the pool of a process is made once.
pub fn limit_threads(threads: usize) {
    if threads > 0 {
        // An error means that the pool is there already, with the size of the first call.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    }
}
