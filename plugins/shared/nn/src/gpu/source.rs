//! Kernels in CUDA C, for what CubeCL's language lacks: Hopper's products of four warps (`wgmma`). CubeCL's server compiles, keeps and
//! launches them like its own, so that their place among other launches, their memory, recorded steps and the cache of compiled kernels
//! are its affair.

use super::{Memory, VECTOR};
use cubecl::cuda::{CudaCompiler, CudaRuntime};
use cubecl::ir::{ElemType, FloatKind, StorageType, UIntKind};
use cubecl::prelude::*;
use cubecl::server::{KernelArguments, MetadataBindingInfo, TensorMapBinding, TensorMapMeta};
use cubecl::zspace::{metadata::Metadata, shape, strides};
use cubecl::{CompilationError, Compiler, CubeTask};
use cubecl_cpp::shared::{Elem, Item, SharedMemory, Value};
use std::fmt::Write;

/// The first compute capability with products of bf16 numbers and copies past the registers, Ampere's.
pub const AMPERE: u32 = 80;
/// The compute capability of Hopper's devices. CubeCL compiles for `sm_90a` there, whose instructions no other device has, not even a later
/// one.
const HOPPER: u32 = 90;
/// Bytes of a row of a box whose 16-byte pieces are swapped about.
const SWIZZLED_BYTES: usize = 128;
/// Longest side of a box.
const LONGEST: usize = 256;

/// Whether kernels with Hopper's own instructions (`wgmma`, bulk copies into the shared memory of a cluster) run where this tensor is.
pub fn has_wgmma(memory: &Memory) -> bool {
    capability(&memory.client) == Some(HOPPER)
}

/// The compute capability of a device, 90 for 9.0. CubeCL names a device's code after it: `ptx_sm90`.
pub fn capability(client: &ComputeClient<CudaRuntime>) -> Option<u32> {
    client.properties().identity.fingerprint.strip_prefix("ptx_sm")?.parse().ok()
}

/// A kernel in CUDA C, made for given numbers.
///
/// Its text has one `extern "C" __global__` function of the kernel's name, whose parameters are, in this order: a
/// `const __grid_constant__` 128-byte structure, aligned to 64, for each of the [`Map`]s; a pointer for each buffer; and, if there are any
/// parameters by value, one `const __grid_constant__` structure of as many 8-byte words. Shared memory is the dynamic one alone
/// (`extern __shared__`), which the compiler aligns as its declaration says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The function's name; no other text has a function of this name.
    pub name: &'static str,
    /// The text, which a file of its own holds: `include_str!`.
    pub text: &'static str,
    /// Macros of whole numbers, defined in front of the text; `THREADS` is defined without being named here.
    pub defines: Vec<(&'static str, u32)>,
    /// Threads of a block, in one dimension.
    pub threads: u32,
    /// Dynamic shared memory of a block.
    pub shared_bytes: usize,
}

impl Source {
    /// Launches the kernel on the stream of the client, after all that was launched there before. What goes wrong (a text that does not
    /// compile, more shared memory than there is) is said where the stream is next waited for, as for CubeCL's own kernels.
    ///
    /// # Safety
    ///
    /// The function must take these maps, buffers and parameters, must stay within them for this number of blocks, and must end.
    pub unsafe fn launch(
        self,
        client: &ComputeClient<CudaRuntime>,
        (x, y, z): (u32, u32, u32),
        maps: &[Map],
        buffers: &[&Memory],
        parameters: &[u64],
    ) {
        // Were the words thought of as lengths of tensors, from some offset on, they would be copied to a buffer first.
        let info = MetadataBindingInfo::new(parameters.to_vec(), parameters.len());
        let arguments = KernelArguments::new()
            .with_tensor_maps(maps.iter().map(Map::binding).collect())
            .with_buffers(buffers.iter().map(|&memory| memory.handle.clone().binding()).collect())
            .with_info(info);
        // SAFETY: the caller's.
        unsafe { client.launch_unchecked(Box::new(self), CubeCount::Static(x, y, z), arguments) }
    }

    fn cube(&self) -> CubeDim {
        CubeDim::new_1d(self.threads)
    }

    /// The text with its macros.
    fn whole(&self) -> String {
        let mut whole = String::new();
        for (name, value) in self.defines.iter().chain([&("THREADS", self.threads)]) {
            writeln!(whole, "#define {name} {value}").expect("a string takes all that is written");
        }
        // The compiler's complaints count the lines of the file.
        whole + "#line 1\n" + self.text
    }
}

impl KernelMetadata for Source {
    fn name(&self) -> &'static str {
        self.name
    }

    /// Made at every launch, hence without the text: the name stands for it.
    fn id(&self) -> KernelId {
        KernelId::new::<Self>().info((self.name, self.defines.clone(), self.shared_bytes)).cube_dim(self.cube())
    }

    fn address_type(&self) -> StorageType {
        StorageType::Scalar(ElemType::UInt(UIntKind::U64))
    }
}

impl CubeTask<CudaCompiler> for Source {
    /// An empty kernel. The cache of compiled kernels has a hash of it in its keys, so that it holds the text: another text of the same
    /// name, of a later version of this program, is another kernel.
    fn define(&self) -> KernelDefinition {
        KernelDefinition {
            buffers: Vec::new(),
            tensor_maps: Vec::new(),
            scalars: Vec::new(),
            cube_dim: self.cube(),
            body: Scope::root(false),
            options: KernelOptions { kernel_name: self.whole(), ..KernelOptions::default() },
        }
    }

    fn compile(
        &self,
        mut definition: KernelDefinition,
        compiler: &mut CudaCompiler,
        options: &<CudaCompiler as Compiler>::CompilationOptions,
        mode: ExecutionMode,
        address_type: StorageType,
    ) -> Result<CompiledKernel<CudaCompiler>, CompilationError> {
        let source = std::mem::replace(&mut definition.options.kernel_name, self.name.to_owned());
        let mut kernel = compiler.compile(definition, options, mode, address_type)?;
        // CubeCL reads off the kernel how much shared memory it takes: up to the end of the last piece.
        if let Some(offset) = self.shared_bytes.checked_sub(1) {
            let byte = Item::Scalar(Elem::U8);
            let piece = SharedMemory { ptr: Value::Value { id: 0, item: byte }, value_ty: byte, align: 1, offset };
            kernel.body.shared_memories.push(piece);
        }
        Ok(CompiledKernel {
            entrypoint_name: self.name.to_owned(),
            debug_name: Some(self.name),
            source,
            repr: Some(kernel),
            cube_dim: self.cube(),
            debug_info: None,
        })
    }
}

/// A bf16 matrix `[rows, columns]` as bulk copies (TMA) see it: in boxes, in which what lies behind the last row or column is zero.
pub struct Map<'a> {
    memory: &'a Memory,
    rows: usize,
    columns: usize,
    pitch: usize,
    box_rows: usize,
    box_columns: usize,
    swizzled: bool,
}

impl<'a> Map<'a> {
    /// `pitch` is the distance of rows, in numbers. The pieces of 16 bytes of a box's rows lie in order, or, for 128-byte rows, `swizzled`:
    /// piece `p` of row `r` at `p ^ r % 8`, if the box begins at a multiple of 1024 bytes. `None` where bulk copies cannot take the matrix:
    /// it and its rows begin at multiples of 16 bytes.
    pub fn new(
        memory: &'a Memory,
        [rows, columns]: [usize; 2],
        pitch: usize,
        [box_rows, box_columns]: [usize; 2],
        swizzled: bool,
    ) -> Option<Self> {
        let row_bytes = box_columns * size_of::<half::bf16>();
        assert!((1..=LONGEST).contains(&box_rows) && (1..=LONGEST).contains(&box_columns), "a box has sides up to 256");
        assert!(row_bytes.is_multiple_of(16), "a box's rows are whole pieces of 16 bytes");
        assert!(!swizzled || row_bytes <= SWIZZLED_BYTES, "a swizzled box has rows of 128 bytes at most");
        let offset = memory.handle.offset_start.unwrap_or(0);
        let is_whole = offset.is_multiple_of(16) && pitch.is_multiple_of(VECTOR) && pitch >= columns;
        let has_numbers = memory.dtype == burn::tensor::DType::BF16 && rows > 0 && columns > 0;
        (is_whole && has_numbers).then_some(Self { memory, rows, columns, pitch, box_rows, box_columns, swizzled })
    }

    fn binding(&self) -> TensorMapBinding {
        let map = TensorMapMeta {
            format: TensorMapFormat::Tiled(TiledArgs { tile_size: shape![self.box_rows, self.box_columns] }),
            metadata: Metadata::new(shape![self.rows, self.columns], strides![self.pitch, 1]),
            elem_stride: strides![1, 1],
            interleave: TensorMapInterleave::None,
            swizzle: if self.swizzled { TensorMapSwizzle::B128 } else { TensorMapSwizzle::None },
            prefetch: TensorMapPrefetch::B256,
            oob_fill: OobFill::Zero,
            storage_ty: StorageType::Scalar(ElemType::Float(FloatKind::BF16)),
        };
        // The handle's offset goes with its binding.
        TensorMapBinding::new(self.memory.handle.clone().binding(), map)
    }
}
