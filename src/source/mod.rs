//! Bytes by digest: files, git, bundled sets, mirrors.
