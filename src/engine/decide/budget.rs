//! The limits of a turn. They are looked at between steps: before each request.

use jiff::Timestamp;

use super::super::session::Turn;

/// Which limit is reached, in one line.
pub fn reached(turn: &Turn, at: Timestamp) -> Option<String> {
    let budget = &turn.budget;
    if let Some(most) = budget.requests.filter(|most| turn.requests >= *most) {
        return Some(format!("the limit of {most} requests to the model in one turn is reached"));
    }
    let tokens = turn.usage.context_tokens() + turn.usage.output_tokens;
    if let Some(most) = budget.tokens.filter(|most| tokens >= *most) {
        return Some(format!("the limit of {most} tokens in one turn is reached ({tokens} used)"));
    }
    if let (Some(most), Some(cost)) = (budget.cost_usd, turn.usage.cost_usd)
        && cost >= most
    {
        return Some(format!("the limit of ${most} in one turn is reached (${cost:.4} used)"));
    }
    let seconds = u64::try_from(at.duration_since(turn.started).as_secs()).unwrap_or(0);
    if let Some(most) = budget.seconds.filter(|most| seconds >= *most) {
        return Some(format!("the limit of {most} s for one turn is reached"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Budget, Usage};

    fn turn(budget: Budget, requests: u32, tokens: u64, cost: Option<f64>) -> Turn {
        Turn {
            number: 1,
            since: 1,
            budget,
            started: Timestamp::UNIX_EPOCH,
            requests,
            usage: Usage { input_tokens: tokens, cost_usd: cost, ..Usage::default() },
            broken: 0,
            rounds: 0,
        }
    }

    #[test]
    fn each_limit_stops_by_itself_and_names_itself() {
        let none = Budget { requests: None, tokens: None, cost_usd: None, seconds: None };
        let later = |seconds| Timestamp::from_second(seconds).unwrap();
        let cases = [
            (Budget { requests: Some(3), ..none }, turn(none, 3, 0, None), 0, Some("requests")),
            (Budget { requests: Some(3), ..none }, turn(none, 2, 0, None), 0, None),
            (Budget { tokens: Some(10), ..none }, turn(none, 1, 11, None), 0, Some("tokens")),
            (Budget { cost_usd: Some(0.5), ..none }, turn(none, 1, 0, Some(0.5)), 0, Some("$0.5")),
            (Budget { cost_usd: Some(0.5), ..none }, turn(none, 1, 0, None), 0, None),
            (Budget { seconds: Some(60), ..none }, turn(none, 1, 0, None), 60, Some("60 s")),
            (Budget { seconds: Some(60), ..none }, turn(none, 1, 0, None), 59, None),
            (none, turn(none, 10_000, u64::MAX / 2, Some(1e9)), 1_000_000, None),
        ];
        for (budget, turn, seconds, expected) in cases {
            let reached = reached(&Turn { budget, ..turn }, later(seconds));
            match expected {
                Some(word) => assert!(reached.as_deref().is_some_and(|text| text.contains(word)), "{reached:?}"),
                None => assert_eq!(reached, None),
            }
        }
    }
}
