//! Parallel work whose results come out in the order of its items. Input: items, one worker a thread, a sink. At most
//! [`WINDOW`] results wait for an earlier one, so memory is bounded however slow that one is.
//!
//! The threads are those of a rayon pool, so that a worker can divide a large item. Items themselves are not left to
//! rayon: its iterators give results in order only once all are there.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How far work may run ahead of the result that is printed next. A few thousand small reports are a few megabytes.
const WINDOW: u64 = 4096;

/// How many bytes of results may wait before no new work is begun. What is being worked on comes on top.
const MAX_WAITING: usize = 256 << 20;

struct Line<R, S> {
    next: u64,
    waiting: BTreeMap<u64, (usize, R)>,
    weight: usize,
    sink: S,
    stopped: bool,
    error: Option<anyhow::Error>,
}

/// Lets the workers, each on its own thread of a pool, turn items into results, and hands the results to `sink` in order.
/// `weigh` tells how much memory a result takes.
///
/// # Errors
/// The first error of the sink; work stops then. Or threads that cannot be started.
pub fn run<T: Send, R: Send, W>(
    items: impl Iterator<Item = T> + Send,
    workers: Vec<W>,
    weigh: impl Fn(&R) -> usize + Sync,
    sink: impl FnMut(R) -> anyhow::Result<()> + Send,
) -> anyhow::Result<()>
where
    W: FnMut(T) -> R + Send,
{
    let items = Mutex::new((0u64, items));
    let line = Line { next: 0, waiting: BTreeMap::new(), weight: 0, sink, stopped: false, error: None };
    let line = Mutex::new(line);
    let moved = Condvar::new();
    let body = |mut work: W| {
        let _stop = StopOnPanic(|| {
            lock(&line).stopped = true;
            moved.notify_all();
        });
        loop {
            let (number, item) = {
                let mut items = lock(&items);
                let number = items.0;
                // Who has the number that is printed next needs no more items, so the wait ends: as long as anything
                // waits, somebody works on what it waits for.
                let current = moved
                    .wait_while(lock(&line), |line| {
                        let far = line.next.saturating_add(WINDOW) <= number;
                        !line.stopped && (far || line.weight > MAX_WAITING)
                    })
                    .unwrap_or_else(PoisonError::into_inner);
                if current.stopped {
                    return;
                }
                drop(current);
                let Some(item) = items.1.next() else { return };
                items.0 += 1;
                (number, item)
            };
            let result = work(item);
            let weight = weigh(&result);
            let mut line = lock(&line);
            line.waiting.insert(number, (weight, result));
            line.weight += weight;
            line.advance();
            moved.notify_all();
        }
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(workers.len()).build()?;
    let workers: Vec<_> = workers.into_iter().map(|worker| Mutex::new(Some(worker))).collect();
    // A thread that finds no more items is free for the pieces of what others work on.
    pool.broadcast(|thread| {
        let worker = workers.get(thread.index()).and_then(|worker| lock(worker).take());
        worker.into_iter().for_each(&body);
    });
    let line = line.into_inner().unwrap_or_else(PoisonError::into_inner);
    line.error.map_or(Ok(()), Err)
}

impl<R, S: FnMut(R) -> anyhow::Result<()>> Line<R, S> {
    fn advance(&mut self) {
        while !self.stopped
            && let Some((weight, result)) = self.waiting.remove(&self.next)
        {
            self.next += 1;
            self.weight -= weight;
            if let Err(error) = (self.sink)(result) {
                self.stopped = true;
                self.error = Some(error);
            }
        }
    }
}

/// A panic leaves no one waiting for a result that never comes; the scope passes it on.
struct StopOnPanic<F: FnMut()>(F);

impl<F: FnMut()> Drop for StopOnPanic<F> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            (self.0)();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn results_come_in_order_though_the_first_is_slow() {
        for n in [1, 4] {
            let mut seen = Vec::new();
            let slow_first = |item: u64| {
                if item == 0 {
                    std::thread::sleep(Duration::from_millis(30));
                }
                item * 2
            };
            let sink = |result| {
                seen.push(result);
                Ok(())
            };
            run(0..3 * WINDOW, vec![slow_first; n], |_| 1, sink).unwrap();
            assert!(seen.iter().copied().eq((0..3 * WINDOW).map(|item| item * 2)));
        }
    }

    #[test]
    fn heavy_results_do_not_pile_up() {
        let done = Mutex::new(0u64);
        let slow_first = |item: u64| {
            if item == 0 {
                std::thread::sleep(Duration::from_millis(200));
                // One that was heavier than all that may wait, and one that others had begun.
                assert!(*lock(&done) <= 4, "{}", lock(&done));
            }
            *lock(&done) += 1;
        };
        run(0..100, vec![slow_first; 3], |()| MAX_WAITING / 2, |()| Ok(())).unwrap();
        assert_eq!(*lock(&done), 100);
    }

    #[test]
    fn an_error_of_the_sink_stops_the_work() {
        let endless = 0u64..;
        let sink = |result| if result < 10 { Ok(()) } else { Err(anyhow::anyhow!("full")) };
        let error = run(endless, vec![|item| item; 3], |_| 1, sink).unwrap_err();
        assert_eq!(error.to_string(), "full");
    }

    #[test]
    #[should_panic]
    fn a_panic_does_not_hang() {
        let _ = run(0u64.., vec![|item| assert!(item != 100); 3], |_| 1, |()| Ok(()));
    }
}
