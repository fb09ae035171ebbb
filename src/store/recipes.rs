//! The recipe index: which key each recipe led to, opened with one read however many there are.
//!
//! `recipes/log` is appended to under a lock; `recipes/index` sorts what the log holds up to some offset. Whatever is
//! damaged is dropped: the keys themselves still find every result, and the entries are written again. A log that ends
//! within a record is no damage: its writer was killed.
//!
//! | file | bytes, integers in little endian |
//! |---|---|
//! | `log` | magic 16, generation u64, check 8; then records: body length u32, its complement u32, recipe id 32, key 32, body, check 8 |
//! | `index` | magic 16, generation u64, covered log bytes u64; then records: recipe id 32, key 32, log offset u64; SHA-256 of all before |
//!
//! A check is the first 8 bytes of SHA-256, with a domain tag, of the head or of the record before it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::{Store, StoreError, locked};
use crate::digest::{ActionKey, BlobDigest, RecipeId, tagged};
use crate::fs::{self, Context as _, Durability, Lock, TempFile};

const LOG_MAGIC: &[u8; 16] = b"ibid-recipes/2\n\0";
/// What a log begins with that an older program wrote. It counts as absent, and gives way to the first append.
const OLDER_LOG_MAGIC: &[u8; 16] = b"ibid-recipes/1\n\0";
const INDEX_MAGIC: &[u8; 16] = b"ibid-recindex/1\n";
const LOG_HEADER: usize = 32;
const INDEX_HEADER: usize = 32;
const INDEX_RECORD: usize = 72;
const CHECKSUM: usize = 32;
/// Bytes of a log record before its recipe id: length and complement.
const RECORD_LENGTH: usize = 4 + 4;
/// Bytes of a log record around its body: length, id, key, check.
const RECORD_OVERHEAD: usize = RECORD_LENGTH + 32 + 32 + 8;
/// Entries outside the index that are worth sorting into it, at the least.
const TAIL_ENTRIES_MIN: usize = 512;

/// The domain tag of a record's check.
const RECORD_TAG: &str = "recipe-record/2";

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
        let Some(place) = recipes.find(recipe) else {
            return Ok(None);
        };
        recipes.body(recipe, place).map_err(StoreError::Fs)
    }

    /// Every known recipe with its key, in order.
    pub fn recipe_keys(&self) -> BTreeMap<RecipeId, ActionKey> {
        locked(&self.recipes).all().into_iter().map(|(id, place)| (id, place.key)).collect()
    }

    /// Records the keys that recipes led to; nothing is written of entries that are known already.
    pub fn record_recipes(&self, entries: &[RecipeEntry]) -> Result<(), StoreError> {
        locked(&self.recipes).append(entries).map_err(StoreError::Fs)
    }

    /// Takes notice of the recipes that other processes recorded since.
    pub fn refresh_recipes(&self) -> Result<(), StoreError> {
        locked(&self.recipes).refresh().map_err(StoreError::Fs)
    }

    /// Drops every recipe whose key is not in `keep`.
    pub(super) fn retain_recipes(&self, keep: &BTreeSet<ActionKey>) -> Result<u64, StoreError> {
        locked(&self.recipes).retain(keep).map_err(StoreError::Fs)
    }

    /// Drops recipes that turned out to lead astray.
    pub(super) fn drop_recipes(&self, recipes: &BTreeSet<RecipeId>) -> Result<(), StoreError> {
        locked(&self.recipes).drop_all(recipes).map_err(StoreError::Fs)
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
    /// The end of the last record that was read.
    end: u64,
    /// Whether the index file does not fit the log, and must go before the log grows past what it claims to cover.
    index_is_stale: bool,
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
            index_is_stale: false,
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
        self.index_is_stale = false;
        let path = self.log_path();
        let Some(log) = fs::if_exists(fs::open(&path))? else {
            return Ok(());
        };
        let Some(generation) = generation_of(&log) else {
            return Ok(());
        };
        self.generation = generation;
        self.end = LOG_HEADER as u64;
        let bytes = log.metadata().context("inspect", &path)?.len();
        if let Some(index) = fs::read_if_exists(&self.index_path())? {
            match decode_index(&index) {
                Some((generation, covered, records))
                    if generation == self.generation && ends_a_record(&log, covered, bytes) =>
                {
                    self.indexed = records.to_vec();
                    self.end = covered;
                }
                _ => self.index_is_stale = true,
            }
        }
        self.log = Some(log);
        self.scan()
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
        loop {
            let size = match next_record(&rest[at..]) {
                Next::Whole(entry, size) => {
                    let place = Place { key: entry.key, offset: self.end };
                    self.tail.insert(entry.recipe, place);
                    size
                }
                Next::Damaged(size) => {
                    tracing::warn!(
                        at = self.end,
                        "a damaged record of the recipe log is passed over"
                    );
                    size
                }
                Next::Nothing | Next::Lost => return Ok(()),
            };
            at += size;
            self.end += size as u64;
        }
    }

    fn refresh(&mut self) -> Result<(), fs::Error> {
        if self.is_of_the_log()? { self.scan() } else { self.load() }
    }

    /// Whether what was read is of the file that has the log's name now. A generation alone does not tell: that of a
    /// damaged log is counted anew.
    fn is_of_the_log(&self) -> Result<bool, fs::Error> {
        use std::os::unix::fs::MetadataExt;
        let path = self.log_path();
        let Some(read) = &self.log else {
            return Ok(false);
        };
        let Some(named) = fs::if_exists(path.metadata().context("inspect", &path))? else {
            return Ok(false);
        };
        let read = read.metadata().context("inspect", &path)?;
        Ok((read.dev(), read.ino()) == (named.dev(), named.ino()))
    }

    /// Where a recipe's record is. What the log does not say is not known, whatever the index says.
    fn get(&self, recipe: &RecipeId) -> Option<Place> {
        let place = self.find(recipe)?;
        let is_read = self.tail.contains_key(recipe);
        (is_read || self.body(recipe, place).ok()?.is_some()).then_some(place)
    }

    /// Where a recipe's record is by what was read of the log, or by the index.
    fn find(&self, recipe: &RecipeId) -> Option<Place> {
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

    /// The canonical bytes of an entry; `None` if the log has no whole record of it in its place.
    fn body(&self, recipe: &RecipeId, place: Place) -> Result<Option<Vec<u8>>, fs::Error> {
        let Some(log) = &self.log else {
            return Ok(None);
        };
        let path = self.log_path();
        let size = log.metadata().context("inspect", &path)?.len().saturating_sub(place.offset);
        if size < RECORD_LENGTH as u64 {
            return Ok(None);
        }
        let mut length = [0_u8; RECORD_LENGTH];
        log.read_exact_at(&mut length, place.offset).context("read", &path)?;
        let Some(wanted) = record_size(length).filter(|wanted| *wanted as u64 <= size) else {
            return Ok(None);
        };
        let mut record = vec![0_u8; wanted];
        log.read_exact_at(&mut record, place.offset).context("read", &path)?;
        let Next::Whole(entry, _) = next_record(&record) else {
            return Ok(None);
        };
        let is_it = entry.recipe == *recipe && entry.key == place.key;
        Ok(is_it.then_some(entry.canonical))
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
                Place { key: entry.key, offset: self.end + bytes.len() as u64 },
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
        self.get(&entry.recipe).is_some_and(|place| place.key == entry.key)
    }

    fn lock(&self) -> Result<Lock, fs::Error> {
        Lock::exclusive(&self.dir.join("lock"))
    }

    /// The log, read to its end and cut there, so that an append follows the last whole record. The lock is held.
    fn open_for_append(&mut self) -> Result<File, fs::Error> {
        let path = self.log_path();
        self.refresh()?;
        if self.log.is_none() {
            write_log(&path, self.generation + 1, &[])?;
            self.load()?;
        }
        if self.index_is_stale {
            fs::remove_file(&self.index_path())?;
            self.index_is_stale = false;
        }
        let mut log =
            OpenOptions::new().read(true).write(true).open(&path).context("open", &path)?;
        if self.end < log.metadata().context("inspect", &path)?.len() {
            // What a killed writer, or damage, left of a record.
            log.set_len(self.end).context("cut", &path)?;
        }
        log.seek(SeekFrom::Start(self.end)).context("read", &path)?;
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
                kept.push(RecipeEntry { recipe: *recipe, key: place.key, canonical });
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
        let log = fs::open(&path)?;
        self.write_index(&log)
    }

    fn check(&mut self) -> Result<Vec<String>, fs::Error> {
        let _lock = self.lock()?;
        let path = self.log_path();
        let mut damage = Vec::new();
        let Some(bytes) = fs::read_if_exists(&path)? else {
            return Ok(damage);
        };
        if bytes.starts_with(OLDER_LOG_MAGIC) {
            return Ok(damage);
        }
        if bytes.first_chunk().and_then(decode_header).is_none() {
            damage.push("the head of the recipe log is damaged".to_owned());
        }
        let mut at = LOG_HEADER.min(bytes.len());
        let mut entries = BTreeMap::new();
        let mut places = BTreeMap::new();
        loop {
            match next_record(&bytes[at..]) {
                Next::Whole(entry, size) => {
                    places.insert(at as u64, (entry.recipe, entry.key));
                    if RecipeId::from_bytes(tagged("recipe/1", &entry.canonical)) == entry.recipe {
                        entries.insert(entry.recipe, entry);
                    } else {
                        damage.push(format!("the record at byte {at} of the recipe log is forged"));
                    }
                    at += size;
                }
                Next::Damaged(size) => {
                    damage.push(format!("the record at byte {at} of the recipe log is damaged"));
                    at += size;
                }
                Next::Lost => {
                    damage.push(format!("the recipe log is damaged from byte {at} on"));
                    break;
                }
                Next::Nothing => break,
            }
        }
        self.load()?;
        let index = fs::read_if_exists(&self.index_path())?;
        if index.is_some_and(|index| decode_index(&index).is_none()) {
            damage.push("the recipe index has a wrong checksum".to_owned());
        } else if damage.is_empty() {
            let is_astray = |(id, place): (RecipeId, Place)| {
                let is_in_log = places.get(&place.offset) == Some(&(id, place.key));
                !is_in_log || entries.get(&id).is_some_and(|entry| entry.key != place.key)
            };
            if self.all().into_iter().any(is_astray) {
                damage.push("the recipe index contradicts the recipe log".to_owned());
            }
        }
        if !damage.is_empty() {
            self.rewrite(&entries.into_values().collect::<Vec<_>>())?;
        }
        Ok(damage)
    }

    /// Drops recipes, whatever they lead to.
    fn drop_all(&mut self, recipes: &BTreeSet<RecipeId>) -> Result<(), fs::Error> {
        let _lock = self.lock()?;
        self.refresh()?;
        let mut kept = Vec::new();
        for (recipe, place) in self.all() {
            if !recipes.contains(&recipe)
                && let Some(canonical) = self.body(&recipe, place)?
            {
                kept.push(RecipeEntry { recipe, key: place.key, canonical });
            }
        }
        self.rewrite(&kept)
    }
}

/// The generation of a log with a whole head.
fn generation_of(log: &File) -> Option<u64> {
    let mut header = [0_u8; LOG_HEADER];
    log.read_exact_at(&mut header, 0).ok()?;
    decode_header(&header)
}

fn decode_header(header: &[u8; LOG_HEADER]) -> Option<u64> {
    let (head, found) = header.split_last_chunk::<8>()?;
    let whole = head[..16] == LOG_MAGIC[..] && check("recipe-log/2", head) == *found;
    whole.then(|| read_u64(head, 16))
}

/// The generation, the log bytes that are covered and the records of an index, if its checksum holds.
fn decode_index(index: &[u8]) -> Option<(u64, u64, &[u8])> {
    let (head, checksum) = index.split_last_chunk::<CHECKSUM>()?;
    let records = head.get(INDEX_HEADER..)?;
    let valid = head[..16] == INDEX_MAGIC[..]
        && records.len() % INDEX_RECORD == 0
        && BlobDigest::of(head).as_bytes() == checksum;
    valid.then(|| (read_u64(head, 16), read_u64(head, 24), records))
}

/// Whether a record may begin at byte `at` of a log of so many bytes: an append cuts the log where it was read to, so what an
/// index claims to cover must not end within a record.
fn ends_a_record(log: &File, at: u64, bytes: u64) -> bool {
    let mut length = [0; RECORD_LENGTH];
    let is_within = (LOG_HEADER as u64..=bytes).contains(&at);
    is_within
        && (bytes - at < RECORD_LENGTH as u64
            || log.read_exact_at(&mut length, at).is_ok() && record_size(length).is_some())
}

fn write_log(path: &Path, generation: u64, entries: &[RecipeEntry]) -> Result<(), fs::Error> {
    let mut bytes = LOG_MAGIC.to_vec();
    bytes.extend(generation.to_le_bytes());
    bytes.extend(check("recipe-log/2", &bytes));
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
    bytes.extend((!length).to_le_bytes());
    bytes.extend(entry.recipe.as_bytes());
    bytes.extend(entry.key.as_bytes());
    bytes.extend(&entry.canonical);
    bytes.extend(check(RECORD_TAG, &bytes[start..]));
}

/// What a log goes on with.
enum Next {
    /// A record, and its size.
    Whole(RecipeEntry, usize),
    /// A record of this size with a wrong check.
    Damaged(usize),
    /// The end, or a record that its writer did not finish.
    Nothing,
    /// A length that contradicts itself: nobody knows where the next record begins.
    Lost,
}

fn next_record(bytes: &[u8]) -> Next {
    let Some(length) = bytes.first_chunk::<RECORD_LENGTH>() else {
        return Next::Nothing;
    };
    let Some(size) = record_size(*length) else {
        return Next::Lost;
    };
    let Some((record, found)) = bytes.get(..size).and_then(<[u8]>::split_last_chunk::<8>) else {
        return Next::Nothing;
    };
    if check(RECORD_TAG, record) != *found {
        return Next::Damaged(size);
    }
    let entry = RecipeEntry {
        recipe: RecipeId::from_bytes(array(record, RECORD_LENGTH)),
        key: ActionKey::from_bytes(array(record, RECORD_LENGTH + 32)),
        canonical: record[RECORD_LENGTH + 64..].to_vec(),
    };
    Next::Whole(entry, size)
}

/// The size of the record that begins with these bytes, unless they contradict each other.
fn record_size(length: [u8; RECORD_LENGTH]) -> Option<usize> {
    let [a, b, c, d, e, f, g, h] = length;
    let body = u32::from_le_bytes([a, b, c, d]);
    let size = usize::try_from(body).ok()?.checked_add(RECORD_OVERHEAD)?;
    (u32::from_le_bytes([e, f, g, h]) == !body).then_some(size)
}

fn check(tag: &str, bytes: &[u8]) -> [u8; 8] {
    let digest = tagged(tag, bytes);
    *digest.first_chunk().expect("a digest has 32 bytes")
}

fn place_of(record: &[u8]) -> Place {
    Place { key: ActionKey::from_bytes(array(record, 32)), offset: read_u64(record, 64) }
}

fn array(bytes: &[u8], at: usize) -> [u8; 32] {
    bytes[at..at + 32].try_into().expect("the slice has 32 bytes")
}

fn read_u64(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("the slice has 8 bytes"))
}
