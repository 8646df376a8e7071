//! An OCI image, as the archive of an OCI layout, made without a container engine.
//!
//! It begins from nothing: one layer with the server, its rotation function and an empty `/data`. It runs as user 10001 and writes to
//! `/data` and `/tmp` alone, so its root may be read-only.

use std::io::Write as _;

use anyhow::Result;
use flate2::GzBuilder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Contents, tarball::Tarball};

/// The user of the server in the image.
pub(super) const USER: u64 = 10_001;

/// Media types of the OCI image specification.
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The files of the image.
fn layer(contents: &Contents) -> Result<Vec<u8>> {
    let mut tar = Tarball::new();
    for directory in ["usr", "usr/lib", "usr/lib/csms", "usr/share", "usr/share/doc", "usr/share/doc/csms"] {
        tar.directory(directory, 0o755, 0)?;
    }
    tar.directory("data", 0o700, USER)?;
    tar.directory("tmp", 0o1777, 0)?;
    tar.file("usr/lib/csms/csms", 0o755, &contents.csms)?;
    tar.file("usr/lib/csms/rotate-database.zip", 0o644, &contents.function)?;
    tar.file("usr/share/doc/csms/copyright", 0o644, contents.copyright.as_bytes())?;
    tar.finish()
}

/// The image as one tar archive.
pub(super) fn build(contents: &Contents) -> Result<Vec<u8>> {
    let layer = layer(contents)?;
    let mut compressed = GzBuilder::new().mtime(0).write(Vec::new(), contents.compression);
    compressed.write_all(&layer)?;
    let compressed = compressed.finish()?;
    let config = json!({
        "architecture": contents.architecture.oci,
        "os": "linux",
        "created": contents.created,
        "config": {
            "User": format!("{USER}:{USER}"),
            "Entrypoint": ["/usr/lib/csms/csms", "serve"],
            "Env": ["PATH=/usr/lib/csms", "CSMS_DATA=/data"],
            "WorkingDir": "/data",
            "Volumes": { "/data": {} },
            "StopSignal": "SIGTERM",
            "Labels": {
                "org.opencontainers.image.title": "csms",
                "org.opencontainers.image.version": contents.version,
                "org.opencontainers.image.licenses": "Apache-2.0",
            },
        },
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", digest(&layer))] },
        "history": [{ "created": contents.created, "created_by": "cargo xtask dist" }],
    });
    let config = serde_json::to_vec(&config)?;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(CONFIG, &config),
        "layers": [descriptor(LAYER, &compressed)],
    });
    let manifest = serde_json::to_vec(&manifest)?;
    let mut entry = descriptor(MANIFEST, &manifest);
    entry["platform"] = json!({ "architecture": contents.architecture.oci, "os": "linux" });
    entry["annotations"] = json!({ "org.opencontainers.image.ref.name": contents.version });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [entry] });

    let mut tar = Tarball::new();
    tar.file("oci-layout", 0o644, br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    tar.file("index.json", 0o644, &serde_json::to_vec(&index)?)?;
    for directory in ["blobs", "blobs/sha256"] {
        tar.directory(directory, 0o755, 0)?;
    }
    for blob in [&config, &manifest, &compressed] {
        tar.file(&format!("blobs/sha256/{}", digest(blob)), 0o644, blob)?;
    }
    tar.finish()
}

fn descriptor(kind: &str, blob: &[u8]) -> Value {
    json!({ "mediaType": kind, "digest": format!("sha256:{}", digest(blob)), "size": blob.len() })
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeMap,
        fs,
        io::{BufRead as _, BufReader, Cursor, Read},
        os::unix::{
            fs::{MetadataExt as _, PermissionsExt as _},
            process::CommandExt as _,
        },
        process::{Child, Command, Stdio},
    };

    use flate2::read::GzDecoder;

    use super::*;

    fn files(archive: &[u8]) -> BTreeMap<String, (u32, u64, Vec<u8>)> {
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(archive).entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().to_string_lossy().into_owned();
            let (mode, owner) = (entry.header().mode().unwrap(), entry.header().uid().unwrap());
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            files.insert(path, (mode, owner, content));
        }
        files
    }

    #[test]
    fn every_blob_has_the_digest_and_size_that_name_it_and_the_layer_has_the_programs() {
        let image = files(&build(&Contents::of_test()).unwrap());
        let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
        let blob = |descriptor: &Value| {
            let digest_of = descriptor["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
            let (_, _, content) = &image[&format!("blobs/sha256/{digest_of}")];
            assert_eq!(digest(content), digest_of);
            assert_eq!(descriptor["size"], content.len());
            content.clone()
        };
        let manifest = json(&blob(&json(&image["index.json"].2)["manifests"][0]));
        let config = json(&blob(&manifest["config"]));
        assert_eq!(config["config"]["User"], "10001:10001");
        let mut layer = Vec::new();
        GzDecoder::new(blob(&manifest["layers"][0]).as_slice()).read_to_end(&mut layer).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"][0], format!("sha256:{}", digest(&layer)));
        let layer = files(&layer);
        assert_eq!(layer["usr/lib/csms/csms"], (0o755, 0, b"the server".to_vec()));
        assert_eq!((layer["data"].0, layer["data"].1), (0o700, USER));
        let entry = config["config"]["Entrypoint"][0].as_str().unwrap();
        assert!(layer.contains_key(entry.trim_start_matches('/')));
    }

    /// Ends a program when a test does.
    struct Running(Child);

    impl Drop for Running {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[test]
    fn the_server_of_the_image_runs_as_its_user_who_owns_its_data() {
        let Some(contents) = Contents::built() else { return };
        if !rustix::process::geteuid().is_root() {
            eprintln!("left out: only root can become the user of the image");
            return;
        }
        let root = tempfile::tempdir().unwrap();
        // The user of the image has to get to its files, which are a root of their own there.
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mut files = tar::Archive::new(Cursor::new(layer(&contents).unwrap()));
        files.set_preserve_permissions(true);
        files.set_preserve_ownerships(true);
        files.unpack(root.path()).unwrap();
        let user = u32::try_from(USER).unwrap();
        let mut command = Command::new(root.path().join("usr/lib/csms/csms"));
        command.args(["serve", "--listen", "127.0.0.1:0"]).env_clear().env("CSMS_DATA", root.path().join("data"));
        command.current_dir(root.path().join("data")).uid(user).gid(user).stdout(Stdio::piped());
        let mut server = Running(command.spawn().unwrap());
        let mut ready = String::new();
        BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let ready: Value = serde_json::from_str(&ready).unwrap();
        assert_eq!(ready["event"], "ready");
        let credentials = ready["credentials"].as_str().unwrap();
        assert_eq!(fs::metadata(credentials).unwrap().uid(), user);
        let credentials: Value = serde_json::from_slice(&fs::read(credentials).unwrap()).unwrap();
        assert!(credentials["rotation_func_urn"].is_string(), "the function lies beside the server");
    }

    #[test]
    fn equal_contents_give_equal_images() {
        assert_eq!(build(&Contents::of_test()).unwrap(), build(&Contents::of_test()).unwrap());
    }
}
