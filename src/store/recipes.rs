//! The recipe index: which key each recipe led to, opened with one read however many there are.
//!
//! `recipes/log` is appended to under a lock; `recipes/index` sorts what the log holds up to some offset. Whatever is
//! damaged is dropped: the keys themselves still find every result, and the entries are written again.
//!
//! | file | bytes, integers in little endian |
//! |---|---|
//! | `log` | magic 16, generation u64; then records: body length u32, recipe id 32, key 32, body, check 8 |
//! | `index` | magic 16, generation u64, covered log bytes u64; then records: recipe id 32, key 32, log offset u64; SHA-256 of all before |

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::{Store, StoreError, locked};
use crate::digest::{ActionKey, BlobDigest, RecipeId, tagged};
use crate::fs::{self, Context as _, Durability, Lock, TempFile};

const LOG_MAGIC: &[u8; 16] = b"ibid-recipes/1\n\0";
const INDEX_MAGIC: &[u8; 16] = b"ibid-recindex/1\n";
const LOG_HEADER: usize = 24;
const INDEX_HEADER: usize = 32;
const INDEX_RECORD: usize = 72;
const CHECKSUM: usize = 32;
/// Bytes of a log record around its body: length, id, key, check.
const RECORD_OVERHEAD: usize = 4 + 32 + 32 + 8;
/// Entries outside the index that are worth sorting into it, at the least.
const TAIL_ENTRIES_MIN: usize = 512;

/// A recipe, the key that it led to, and its canonical bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipeEntry {
    /// The recipe.
    pub recipe: RecipeId,
    /// The key that it led to.
    pub key: ActionKey,
    /// The canonical bytes of the recipe.
    pub canonical: Vec<u8>,
}

impl Store {
    /// The key that a recipe led to, if it is known.
    pub fn recipe_key(&self, recipe: &RecipeId) -> Option<ActionKey> {
        locked(&self.recipes).get(recipe).map(|place| place.key)
    }

    /// The canonical bytes of a recipe, if they are known: for `explain`.
    pub fn recipe_bytes(&self, recipe: &RecipeId) -> Result<Option<Vec<u8>>, StoreError> {
        let recipes = locked(&self.recipes);
        let Some(place) = recipes.get(recipe) else {
            return Ok(None);
        };
        recipes.body(recipe, place).map_err(StoreError::Fs)
    }

    /// Every known recipe with its key, in order.
    pub fn recipe_keys(&self) -> BTreeMap<RecipeId, ActionKey> {
        locked(&self.recipes)
            .all()
            .into_iter()
            .map(|(id, place)| (id, place.key))
            .collect()
    }

    /// Records the keys that recipes led to; entries that are known already cost nothing.
    pub fn record_recipes(&self, entries: &[RecipeEntry]) -> Result<(), StoreError> {
        locked(&self.recipes)
            .append(entries)
            .map_err(StoreError::Fs)
    }

    /// Takes notice of the recipes that other processes recorded since.
    pub fn refresh_recipes(&self) -> Result<(), StoreError> {
        locked(&self.recipes).refresh().map_err(StoreError::Fs)
    }

    /// Drops every recipe whose key is not in `keep`.
    pub(super) fn retain_recipes(&self, keep: &BTreeSet<ActionKey>) -> Result<u64, StoreError> {
        locked(&self.recipes).retain(keep).map_err(StoreError::Fs)
    }

    /// Reads log and index whole; a description of each damage. What is damaged is written anew without it.
    pub(super) fn fsck_recipes(&self) -> Result<Vec<String>, StoreError> {
        locked(&self.recipes).check().map_err(StoreError::Fs)
    }
}

/// Where an entry is in the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    key: ActionKey,
    offset: u64,
}

#[derive(Debug)]
pub(super) struct Recipes {
    dir: PathBuf,
    /// The log that the offsets are in; a collection puts another one in its place.
    log: Option<File>,
    generation: u64,
    /// The sorted records of the index file.
    indexed: Vec<u8>,
    /// Entries of the log that the index does not cover; these count.
    tail: BTreeMap<RecipeId, Place>,
    /// The end of the last valid record that was read.
    end: u64,
}

impl Recipes {
    pub(super) fn open(dir: &Path) -> Result<Self, fs::Error> {
        let mut recipes = Self {
            dir: dir.to_owned(),
            log: None,
            generation: 0,
            indexed: Vec::new(),
            tail: BTreeMap::new(),
            end: 0,
        };
        recipes.load()?;
        Ok(recipes)
    }

    fn log_path(&self) -> PathBuf {
        self.dir.join("log")
    }

    fn index_path(&self) -> PathBuf {
        self.dir.join("index")
    }

    /// Reads index and log from scratch.
    fn load(&mut self) -> Result<(), fs::Error> {
        (self.log, self.generation, self.end) = (None, 0, 0);
        self.indexed.clear();
        self.tail.clear();
        let path = self.log_path();
        let Some(log) = fs::if_exists(File::open(&path).context("open", &path))? else {
            return Ok(());
        };
        let mut header = [0_u8; LOG_HEADER];
        if log.read_exact_at(&mut header, 0).is_err() || header[..16] != LOG_MAGIC[..] {
            return Ok(());
        }
        self.generation = read_u64(&header, 16);
        self.end = LOG_HEADER as u64;
        let bytes = log.metadata().context("inspect", &path)?.len();
        if let Some(index) = fs::read_if_exists(&self.index_path())?
            && let Some((covered, records)) = self.decode_index(&index)
            && covered <= bytes
        {
            self.indexed = records.to_vec();
            self.end = covered;
        }
        self.log = Some(log);
        self.scan()
    }

    /// The records of an index of this generation with the log bytes that it covers, if its checksum holds.
    fn decode_index<'a>(&self, index: &'a [u8]) -> Option<(u64, &'a [u8])> {
        let (head, checksum) = index.split_last_chunk::<CHECKSUM>()?;
        let records = head.get(INDEX_HEADER..)?;
        let valid = head[..16] == INDEX_MAGIC[..]
            && read_u64(head, 16) == self.generation
            && records.len() % INDEX_RECORD == 0
            && BlobDigest::of(head).as_bytes() == checksum;
        valid.then(|| (read_u64(head, 24), records))
    }

    /// Reads the records from `end` on, up to the first that is not whole.
    fn scan(&mut self) -> Result<(), fs::Error> {
        let path = self.log_path();
        let Some(log) = &self.log else { return Ok(()) };
        let bytes = log.metadata().context("inspect", &path)?.len();
        let size = usize::try_from(bytes.saturating_sub(self.end)).unwrap_or(0);
        let mut rest = vec![0_u8; size];
        if log.read_exact_at(&mut rest, self.end).is_err() {
            // Cut while it was read: the next refresh sees it whole.
            return Ok(());
        }
        let mut at = 0;
        while let Some((entry, size)) = decode_record(&rest[at..]) {
            let place = Place {
                key: entry.key,
                offset: self.end,
            };
            self.tail.insert(entry.recipe, place);
            at += size;
            self.end += size as u64;
        }
        Ok(())
    }

    fn refresh(&mut self) -> Result<(), fs::Error> {
        if self.read_generation()? == self.generation {
            self.scan()
        } else {
            self.load()
        }
    }

    /// The generation of the log that has the name now; 0 if there is none.
    fn read_generation(&self) -> Result<u64, fs::Error> {
        let path = self.log_path();
        let Some(log) = fs::if_exists(File::open(&path).context("open", &path))? else {
            return Ok(0);
        };
        let mut header = [0_u8; LOG_HEADER];
        let whole = log.read_exact_at(&mut header, 0).is_ok() && header[..16] == LOG_MAGIC[..];
        Ok(if whole { read_u64(&header, 16) } else { 0 })
    }

    fn get(&self, recipe: &RecipeId) -> Option<Place> {
        if let Some(place) = self.tail.get(recipe) {
            return Some(*place);
        }
        let (mut low, mut high) = (0, self.indexed.len() / INDEX_RECORD);
        while low < high {
            let middle = usize::midpoint(low, high);
            let record = &self.indexed[middle * INDEX_RECORD..][..INDEX_RECORD];
            match record[..32].cmp(recipe.as_bytes()) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(place_of(record)),
            }
        }
        None
    }

    fn all(&self) -> BTreeMap<RecipeId, Place> {
        let indexed = self.indexed.chunks_exact(INDEX_RECORD);
        let mut all: BTreeMap<_, _> = indexed
            .map(|record| (RecipeId::from_bytes(array(record, 0)), place_of(record)))
            .collect();
        all.extend(&self.tail);
        all
    }

    /// The canonical bytes of an entry; `None` if its record is damaged.
    fn body(&self, recipe: &RecipeId, place: Place) -> Result<Option<Vec<u8>>, fs::Error> {
        let Some(log) = &self.log else {
            return Ok(None);
        };
        let path = self.log_path();
        let mut length = [0_u8; 4];
        log.read_exact_at(&mut length, place.offset)
            .context("read", &path)?;
        let size = log
            .metadata()
            .context("inspect", &path)?
            .len()
            .saturating_sub(place.offset);
        let wanted = RECORD_OVERHEAD as u64 + u64::from(u32::from_le_bytes(length));
        if size < wanted {
            return Ok(None);
        }
        let mut record = vec![0_u8; usize::try_from(wanted).expect("a record fits in memory")];
        log.read_exact_at(&mut record, place.offset)
            .context("read", &path)?;
        let entry = decode_record(&record).map(|(entry, _)| entry);
        Ok(entry
            .filter(|entry| entry.recipe == *recipe)
            .map(|entry| entry.canonical))
    }

    fn append(&mut self, entries: &[RecipeEntry]) -> Result<(), fs::Error> {
        if entries.iter().all(|entry| self.knows(entry)) {
            return Ok(());
        }
        let _lock = self.lock()?;
        let mut log = self.open_for_append()?;
        let mut bytes = Vec::new();
        let mut places = Vec::new();
        for entry in entries.iter().filter(|entry| !self.knows(entry)) {
            places.push((
                entry.recipe,
                Place {
                    key: entry.key,
                    offset: self.end + bytes.len() as u64,
                },
            ));
            encode_record(entry, &mut bytes);
        }
        log.write_all(&bytes).context("write", &self.log_path())?;
        self.tail.extend(places);
        self.end += bytes.len() as u64;
        let indexed = self.indexed.len() / INDEX_RECORD;
        if TAIL_ENTRIES_MIN.max(indexed / 4) <= self.tail.len() {
            self.write_index(&log)?;
        }
        Ok(())
    }

    fn knows(&self, entry: &RecipeEntry) -> bool {
        self.get(&entry.recipe)
            .is_some_and(|place| place.key == entry.key)
    }

    fn lock(&self) -> Result<Lock, fs::Error> {
        Lock::exclusive(&self.dir.join("lock"))
    }

    /// The log, read to its end and cut there, so that an append follows the last whole record. The lock is held.
    fn open_for_append(&mut self) -> Result<File, fs::Error> {
        let path = self.log_path();
        if self.read_generation()? == 0 {
            let generation = self.generation + 1;
            write_log(&path, generation, &[])?;
            self.load()?;
        } else {
            self.refresh()?;
        }
        let mut log = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .context("open", &path)?;
        log.set_len(self.end).context("cut", &path)?;
        log.seek(SeekFrom::End(0)).context("read", &path)?;
        Ok(log)
    }

    /// Sorts everything into a new index. The lock is held.
    fn write_index(&mut self, log: &File) -> Result<(), fs::Error> {
        let mut records = Vec::new();
        for (id, place) in self.all() {
            records.extend(id.as_bytes());
            records.extend(place.key.as_bytes());
            records.extend(place.offset.to_le_bytes());
        }
        // The index must not cover what a loss of power could take from the log.
        log.sync_data().context("flush", &self.log_path())?;
        let mut bytes = INDEX_MAGIC.to_vec();
        bytes.extend(self.generation.to_le_bytes());
        bytes.extend(self.end.to_le_bytes());
        bytes.extend(&records);
        bytes.extend(BlobDigest::of(&bytes).as_bytes());
        fs::write_atomic(&self.index_path(), &bytes, Durability::Relaxed)?;
        self.indexed = records;
        self.tail.clear();
        Ok(())
    }

    /// Writes a log and an index with the entries whose key is in `keep`; how many are not.
    fn retain(&mut self, keep: &BTreeSet<ActionKey>) -> Result<u64, fs::Error> {
        let _lock = self.lock()?;
        self.refresh()?;
        let all = self.all();
        let mut kept = Vec::new();
        for (recipe, place) in &all {
            if keep.contains(&place.key)
                && let Some(canonical) = self.body(recipe, *place)?
            {
                kept.push(RecipeEntry {
                    recipe: *recipe,
                    key: place.key,
                    canonical,
                });
            }
        }
        let dropped = all.len() - kept.len();
        if 0 < dropped {
            self.rewrite(&kept)?;
        }
        Ok(dropped as u64)
    }

    /// Puts a new generation in the place of the log. The lock is held.
    fn rewrite(&mut self, entries: &[RecipeEntry]) -> Result<(), fs::Error> {
        write_log(&self.log_path(), self.generation + 1, entries)?;
        self.load()?;
        let path = self.log_path();
        let log = File::open(&path).context("open", &path)?;
        self.write_index(&log)
    }

    fn check(&mut self) -> Result<Vec<String>, fs::Error> {
        let _lock = self.lock()?;
        let path = self.log_path();
        let mut damage = Vec::new();
        let Some(bytes) = fs::read_if_exists(&path)? else {
            return Ok(damage);
        };
        let mut at = LOG_HEADER.min(bytes.len());
        let mut entries = BTreeMap::new();
        while let Some((entry, size)) = decode_record(&bytes[at..]) {
            entries.insert(entry.recipe, entry);
            at += size;
        }
        self.load()?;
        if at < bytes.len() {
            damage.push(format!("the recipe log is damaged from byte {at} on"));
        }
        let index = fs::read_if_exists(&self.index_path())?;
        if index.is_some_and(|index| self.decode_index(&index).is_none()) {
            damage.push("the recipe index has a wrong checksum".to_owned());
        }
        if !damage.is_empty() {
            self.rewrite(&entries.into_values().collect::<Vec<_>>())?;
        }
        Ok(damage)
    }
}

fn write_log(path: &Path, generation: u64, entries: &[RecipeEntry]) -> Result<(), fs::Error> {
    let mut bytes = LOG_MAGIC.to_vec();
    bytes.extend(generation.to_le_bytes());
    for entry in entries {
        encode_record(entry, &mut bytes);
    }
    let mut temp = TempFile::create_in(path.parent().expect("the log is in a folder"))?;
    temp.write_all(&bytes)?;
    // A loss of power may take it: the keys still find every result.
    temp.persist(path, Durability::Relaxed)
}

fn encode_record(entry: &RecipeEntry, bytes: &mut Vec<u8>) {
    let start = bytes.len();
    let length = u32::try_from(entry.canonical.len()).expect("a recipe is shorter than 4 GiB");
    bytes.extend(length.to_le_bytes());
    bytes.extend(entry.recipe.as_bytes());
    bytes.extend(entry.key.as_bytes());
    bytes.extend(&entry.canonical);
    bytes.extend(check(&bytes[start..]));
}

/// The record that `bytes` begin with, and its size; `None` if it is not whole.
fn decode_record(bytes: &[u8]) -> Option<(RecipeEntry, usize)> {
    let length = usize::try_from(u32::from_le_bytes(*bytes.first_chunk()?)).ok()?;
    let size = length.checked_add(RECORD_OVERHEAD)?;
    let (record, found) = bytes.get(..size)?.split_last_chunk::<8>()?;
    let entry = RecipeEntry {
        recipe: RecipeId::from_bytes(array(record, 4)),
        key: ActionKey::from_bytes(array(record, 36)),
        canonical: record[68..].to_vec(),
    };
    (check(record) == *found).then_some((entry, size))
}

fn check(record: &[u8]) -> [u8; 8] {
    let digest = tagged("recipe-record/1", record);
    *digest.first_chunk().expect("a digest has 32 bytes")
}

fn place_of(record: &[u8]) -> Place {
    Place {
        key: ActionKey::from_bytes(array(record, 32)),
        offset: read_u64(record, 64),
    }
}

fn array(bytes: &[u8], at: usize) -> [u8; 32] {
    bytes[at..at + 32]
        .try_into()
        .expect("the slice has 32 bytes")
}

fn read_u64(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("the slice has 8 bytes"))
}
