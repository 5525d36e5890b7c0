//! The program: parse, run, map an error to an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    // The sandbox helper has to change its namespaces before any thread starts.
    if arguments.next().is_some_and(|first| first == "sandbox") {
        let code = tenon::workspace::helper_main(arguments.collect());
        return ExitCode::from(u8::try_from(code).unwrap_or(1));
    }
    tenon::cli::main()
}
