//! Running gates: what looks at files first, what runs commands side by side, what needs the others last.

use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;

use super::{Gate, GateContext, Report, Stage};

/// What passes by while gates run.
#[derive(Clone, Debug)]
pub enum Passing {
    /// A gate begins.
    Began {
        /// Its name.
        gate: &'static str,
    },
    /// A gate or a command of it says something; raw bytes.
    Output {
        /// Its name.
        gate: &'static str,
        /// What it says.
        bytes: Vec<u8>,
    },
    /// A gate knows something before it has ended.
    Early {
        /// Its name.
        gate: &'static str,
        /// What it found so far.
        report: Box<Report>,
        /// Milliseconds it took so far.
        ms: u64,
    },
    /// A gate came to its end.
    Ended {
        /// Its name.
        gate: &'static str,
        /// What it found.
        report: Box<Report>,
        /// Milliseconds it took.
        ms: u64,
    },
}

/// Runs these gates and tells what happens. The context's own `output` is not used: each gate has one of its own.
/// Returns when all have ended; what was interrupted is told as not run.
///
/// With `asked` every gate runs; otherwise those that do not concern the change are left out.
pub async fn prove(gates: &[Arc<dyn Gate>], context: &GateContext, asked: bool, to: mpsc::Sender<Passing>) {
    for stage in [Stage::First, Stage::Middle, Stage::Last] {
        let mut running: FuturesUnordered<_> = gates
            .iter()
            .filter(|gate| gate.stage() == stage)
            .map(|gate| one(gate.as_ref(), context.clone(), asked, to.clone()))
            .collect();
        while running.next().await.is_some() {}
    }
}

async fn one(gate: &dyn Gate, mut context: GateContext, asked: bool, to: mpsc::Sender<Passing>) {
    let name = gate.name();
    if !asked && !gate.concerns(&context).await {
        return;
    }
    let _ = to.send(Passing::Began { gate: name }).await;
    let began = Instant::now();
    let (output, mut pieces) = mpsc::channel(64);
    context.output = output;
    let passing = async {
        while let Some(bytes) = pieces.recv().await {
            let _ = to.send(Passing::Output { gate: name, bytes }).await;
        }
    };
    let (early, mut known) = mpsc::channel(4);
    context.early = early;
    let ms = || u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let knowing = async {
        while let Some(report) = known.recv().await {
            let _ = to.send(Passing::Early { gate: name, report: Box::new(report), ms: ms() }).await;
        }
    };
    let (report, (), ()) = tokio::join!(remembered(gate, context), passing, knowing);
    let ms = ms();
    let _ = to.send(Passing::Ended { gate: name, report: Box::new(report), ms }).await;
}

/// Runs a gate unless the same content was checked before. Owns the context, so that the output ends with the gate.
async fn remembered(gate: &dyn Gate, context: GateContext) -> Report {
    let key = gate.remembered_by().map(|by| format!("{}\0{by}\0{}", gate.name(), env!("CARGO_PKG_VERSION")));
    let known = key.as_ref().zip(context.shared.memory()).and_then(|(key, memory)| memory.of_subject::<Report>(key));
    if let Some(report) = known {
        return Report { cached: true, ..report };
    }
    let report = gate.run(&context).await;
    // What did not run may run next time.
    if let Some((key, memory)) = key.zip(context.shared.memory())
        && report.status != crate::domain::GateStatus::NotRun
        && !context.cancel.is_cancelled()
    {
        memory.keep_of_subject(&key, &report);
    }
    report
}
