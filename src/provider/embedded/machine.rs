//! What this machine gives a model to work with.

use std::collections::BTreeSet;
use std::path::Path;

/// How many threads to use now: one for each physical core, one less while something else keeps the cores busy.
pub fn threads() -> usize {
    let cores = cores();
    // Threads that wait for each other at every step are slowed down by whoever takes one of their cores.
    if cores > 1 && running() > cores { cores - 1 } else { cores }
}

/// Physical cores this process may use.
pub fn cores() -> usize {
    let logical = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    physical().map_or(logical, |physical| physical.min(logical)).max(1)
}

fn physical() -> Option<usize> {
    let mut cores = BTreeSet::new();
    for entry in Path::new("/sys/devices/system/cpu").read_dir().ok()?.flatten() {
        let topology = entry.path().join("topology");
        let number = |name: &str| std::fs::read_to_string(topology.join(name)).ok();
        if let (Some(package), Some(core)) = (number("physical_package_id"), number("core_id")) {
            cores.insert((package, core));
        }
    }
    (!cores.is_empty()).then_some(cores.len())
}

/// Threads of the whole machine that run or want to; 0 where that cannot be seen.
fn running() -> usize {
    let Ok(load) = std::fs::read_to_string("/proc/loadavg") else { return 0 };
    let entities = load.split_whitespace().nth(3).unwrap_or_default();
    entities.split('/').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Bytes of memory that are to be had; `None` where that cannot be seen.
pub fn free_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// What the processor lacks for the arithmetic this program was built with.
pub fn missing_features() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    {
        let has = [
            ("AVX2", std::arch::is_x86_feature_detected!("avx2")),
            ("FMA", std::arch::is_x86_feature_detected!("fma")),
            ("F16C", std::arch::is_x86_feature_detected!("f16c")),
            ("BMI2", std::arch::is_x86_feature_detected!("bmi2")),
        ];
        has.into_iter().filter(|(_, there)| !there).map(|(name, _)| name).collect()
    }
    #[cfg(not(target_arch = "x86_64"))]
    Vec::new()
}

/// Tokens of context that suit this machine.
pub fn context() -> usize {
    if cores() <= 2 { 6_144 } else { 8_192 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_always_a_thread() {
        assert!((1..=cores()).contains(&threads()));
        assert!(context() >= 4_096);
    }
}
