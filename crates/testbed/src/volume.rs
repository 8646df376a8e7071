//! A small file system of its own, whose files can be sealed, whose disk can fail and can stand still.
//!
//! It is ext4 in a file, mounted through a loop device, so only root on Linux can make one. What programs do on it is not its
//! business.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::directory::Directory;
use crate::error::{Error, Result};
use crate::programs;
use crate::system_user::SystemUser;

/// Bytes of the file system. It takes no room before it is written.
const SIZE: u64 = 64 << 20;

/// A mounted file system, which goes with everything on it when this is dropped.
#[derive(Debug)]
pub struct Volume {
    directory: Directory,
    /// Where it is mounted.
    root: PathBuf,
}

impl Volume {
    /// Makes and mounts one.
    ///
    /// # Errors
    /// [`Error::Missing`] where that is not possible: for everybody but root, and in a container without loop devices.
    pub fn create() -> Result<Self> {
        let missing = |why: &str| Error::Missing { program: "a file system in a file".into(), hint: why.into() };
        if !rustix::process::geteuid().is_root() {
            return Err(missing("only root can mount one"));
        }
        let directory = Directory::create(SystemUser::OURSELVES)?;
        let root = directory.subdirectory("volume", SystemUser::OURSELVES)?;
        let image = directory.path().join("image");
        File::create(&image).and_then(|file| file.set_len(SIZE)).map_err(Error::at("create", &image))?;
        programs::run("mkfs.ext4", program("mkfs.ext4").arg("-q").arg(&image)).map_err(|e| missing(&e.to_string()))?;
        let volume = Self { directory, root };
        volume.mount().map_err(|error| missing(&error.to_string()))?;
        Ok(volume)
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.root
    }

    fn mount(&self) -> Result<()> {
        let image = self.directory.path().join("image");
        let mut mount = program("mount");
        mount.args(["-t", "ext4", "-o", "loop,errors=remount-ro"]).arg(image).arg(&self.root);
        programs::run("mount", &mut mount).map(drop)
    }

    /// Whether a file on it may be changed by anybody. Who has it open meets the same refusal (`EPERM`).
    ///
    /// # Errors
    /// When that cannot be set.
    pub fn seal(&self, file: &Path, is_sealed: bool) -> Result<()> {
        let how = if is_sealed { "+i" } else { "-i" };
        programs::run("chattr", program("chattr").arg(how).arg(file)).map(drop)
    }

    /// Makes it one that the kernel has found damaged: it can be read, and takes no write any more (`EROFS`).
    ///
    /// # Errors
    /// When the kernel does not do so on request.
    pub fn fail(&self) -> Result<()> {
        let mounts =
            fs::read_to_string("/proc/self/mounts").map_err(Error::at("read", Path::new("/proc/self/mounts")))?;
        let root = self.root.display().to_string();
        let mut mounts = mounts.lines().map(|line| line.split(' '));
        let device = mounts.find_map(|mut fields| fields.next().filter(|_| fields.next() == Some(&root)));
        let name = device.and_then(|device| device.strip_prefix("/dev/")).unwrap_or_default();
        let trigger = Path::new("/sys/fs/ext4").join(name).join("trigger_fs_error");
        fs::write(&trigger, "a test").map_err(Error::at("write", &trigger))
    }

    /// Mounts it again after [`Volume::fail`], with its journal replayed. Nobody may have a file open on it.
    ///
    /// # Errors
    /// When it cannot be mounted.
    pub fn mount_again(&self) -> Result<()> {
        programs::run("umount", program("umount").arg(&self.root))?;
        self.mount()
    }

    /// Has its disk stand still: whoever writes waits until [`Volume::thaw`].
    ///
    /// # Errors
    /// When the file system cannot be frozen.
    pub fn freeze(&self) -> Result<()> {
        programs::run("fsfreeze", program("fsfreeze").arg("--freeze").arg(&self.root)).map(drop)
    }

    /// Has its disk go on.
    ///
    /// # Errors
    /// When it does not stand still.
    pub fn thaw(&self) -> Result<()> {
        programs::run("fsfreeze", program("fsfreeze").arg("--unfreeze").arg(&self.root)).map(drop)
    }
}

/// A program that root has, wherever it is.
fn program(name: &str) -> Command {
    Command::new(programs::find(name).unwrap_or_else(|| name.into()))
}

impl Drop for Volume {
    fn drop(&mut self) {
        // A frozen one could not be unmounted. Most are not frozen, and nothing can be done about other errors here.
        let _ = self.thaw();
        let _ = programs::run("umount", program("umount").arg("--lazy").arg(&self.root));
    }
}
