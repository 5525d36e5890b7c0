//! Looks for models and fetches weights beside the screen.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::provider::fetch::Progress;
use crate::provider::offers::Scout;
use crate::tui::msg::Msg;
use crate::tui::start::StartInfo;

/// How often the screen hears how far a download is.
const PACE: Duration = Duration::from_millis(200);

/// What has to do with models.
pub(super) struct Weights {
    scout: Option<Arc<Scout>>,
    /// Where the choice is kept.
    pub(super) state: Option<PathBuf>,
    running: Option<JoinHandle<()>>,
    screen: Screen,
}

/// The screen that hears of it.
#[derive(Clone)]
struct Screen {
    seat: usize,
    messages: mpsc::Sender<(usize, Msg)>,
}

impl Screen {
    /// `false` when nobody listens any more.
    async fn tell(&self, message: Msg) -> bool {
        self.messages.send((self.seat, message)).await.is_ok()
    }
}

impl Weights {
    pub(super) fn new(start: &StartInfo, seat: usize, messages: mpsc::Sender<(usize, Msg)>) -> Self {
        let screen = Screen { seat, messages };
        Self { scout: start.scout.clone(), state: start.state.clone(), running: None, screen }
    }

    pub(super) fn look(&self) {
        let (Some(scout), screen) = (self.scout.clone(), self.screen.clone()) else { return };
        tokio::spawn(async move {
            screen.tell(Msg::Models(scout.all().await)).await;
        });
    }

    pub(super) fn fetch(&mut self, model: String) {
        let (Some(scout), screen) = (self.scout.clone(), self.screen.clone()) else { return };
        self.stop();
        self.running = Some(tokio::spawn(async move {
            let fetcher = scout.fetcher();
            let (progress, watcher) = watch::channel(Progress::default());
            let work = async {
                let wanted = fetcher.wanted(&model, None)?;
                fetcher.pull(wanted, progress).await
            };
            let done = tokio::select! {
                done = work => done,
                () = follow(watcher, &screen) => return,
            };
            screen.tell(Msg::Fetched(done)).await;
        }));
    }

    /// Drops the work, which keeps what came.
    pub(super) fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
        }
    }
}

/// Ends only when nobody listens any more.
async fn follow(mut watcher: watch::Receiver<Progress>, screen: &Screen) {
    while watcher.changed().await.is_ok() {
        let now = watcher.borrow_and_update().clone();
        if !screen.tell(Msg::Fetching(now)).await {
            return;
        }
        tokio::time::sleep(PACE).await;
    }
    std::future::pending::<()>().await;
}
