//! One map over a list by several threads; the result is the same for any number of them, so that it does with those that
//! can be had.

use std::sync::Mutex;
use std::thread;

/// Items that a thread takes at once.
const CHUNK: usize = 512;

/// Applies `map` to chunks of `items` and returns the results in the order of the items.
pub(super) fn map_in_chunks<T: Send, U: Send>(
    items: Vec<T>,
    threads: usize,
    map: impl Fn(Vec<T>) -> Vec<U> + Sync,
) -> Vec<U> {
    let mut chunks = Vec::new();
    let mut items = items.into_iter();
    loop {
        let chunk: Vec<T> = items.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            break;
        }
        chunks.push(chunk);
    }
    let queue = Mutex::new(chunks.into_iter().enumerate());
    let work = || {
        let mut done = Vec::new();
        loop {
            let next = queue.lock().expect("no thread panics with the lock").next();
            let Some((index, chunk)) = next else {
                return done;
            };
            done.push((index, map(chunk)));
        }
    };
    let mut done: Vec<(usize, Vec<U>)> = thread::scope(|scope| {
        let other = |_| thread::Builder::new().spawn_scoped(scope, work).ok();
        let others: Vec<_> = (1..threads.max(1)).map_while(other).collect();
        let mut done = work();
        for other in others {
            done.extend(other.join().expect("a panic in a thread is a panic here"));
        }
        done
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().flat_map(|(_, results)| results).collect()
}
