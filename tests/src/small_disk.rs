//! A file system of a chosen size that can be made read-only: what a full or protected disk is to a run. Needs the right to mount.

use std::ffi::CString;
use std::io::Error;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A tmpfs below a folder; unmounted when dropped.
pub struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts it at a new folder. The error is why that is not possible here, which a test prints before it skips.
    pub fn mount(folder: &Path, kibibytes: u64) -> Result<SmallDisk, String> {
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        mount(folder, 0, kibibytes).map_err(|error| format!("this test needs the right to mount a tmpfs: {error}"))?;
        Ok(SmallDisk { folder: folder.to_owned() })
    }

    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Changes its size.
    pub fn resize(&self, kibibytes: u64) {
        mount(&self.folder, libc::MS_REMOUNT, kibibytes).expect("what was mounted can be mounted anew");
    }

    /// Forbids or allows writing.
    pub fn set_read_only(&self, read_only: bool, kibibytes: u64) {
        let flags = if read_only { libc::MS_REMOUNT | libc::MS_RDONLY } else { libc::MS_REMOUNT };
        mount(&self.folder, flags, kibibytes).expect("what was mounted can be mounted anew");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let Ok(folder) = CString::new(self.folder.as_os_str().as_bytes()) else { return };
        // SAFETY: a call with a valid string; the mount is this object's own.
        unsafe { libc::umount2(folder.as_ptr(), libc::MNT_DETACH) };
    }
}

fn mount(folder: &Path, flags: libc::c_ulong, kibibytes: u64) -> Result<(), Error> {
    let folder = CString::new(folder.as_os_str().as_bytes())?;
    let options = CString::new(format!("size={kibibytes}k"))?;
    // SAFETY: a call with valid strings that live beyond it.
    let done =
        unsafe { libc::mount(c"tmpfs".as_ptr(), folder.as_ptr(), c"tmpfs".as_ptr(), flags, options.as_ptr().cast()) };
    if done == 0 { Ok(()) } else { Err(Error::last_os_error()) }
}
