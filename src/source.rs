//! The source of this very program, as it was built: what the footer of every page offers (AGPL-3.0 section 13).

/// A gzipped tar of everything it takes to build the program, packed by `build.rs`; served at `/source.tar.gz`.
pub const SOURCE_ARCHIVE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/source.tar.gz"));

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, io::Read};

    use super::*;

    fn unpacked() -> BTreeMap<String, String> {
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(SOURCE_ARCHIVE));
        let entry = |entry: std::io::Result<tar::Entry<'_, _>>| {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().display().to_string();
            let name = path.split_once('/').unwrap().1.to_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            (name, String::from_utf8_lossy(&bytes).into_owned())
        };
        archive.entries().unwrap().map(entry).collect()
    }

    #[test]
    fn the_program_carries_its_own_source() {
        let files = unpacked();
        assert_eq!(files["src/source.rs"], include_str!("source.rs"));
        for needed in ["Cargo.lock", "build.rs", "LICENSE", "config/reviewd.toml", "src/main.rs"] {
            assert!(files.contains_key(needed), "{needed}");
        }
    }

    #[test]
    fn no_tools_settings_are_missing_from_the_source() {
        let files = unpacked();
        let root = std::fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap();
        let names = root.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        for name in names.filter(|name| name.ends_with(".toml") && name != "reviewd.toml") {
            assert!(files.contains_key(&name), "{name} is not in build.rs");
        }
    }

    #[test]
    fn the_archive_holds_source_and_nothing_else() {
        for name in unpacked().into_keys() {
            assert!(!name.split('/').any(|part| part == "target" || part == "data" || part.starts_with('.')), "{name}");
        }
    }
}
