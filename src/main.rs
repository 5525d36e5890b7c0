//! The program: parse, run, map an error to an exit code.

fn main() -> std::process::ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    // Before anything else: the sandbox's helper has to have one thread only.
    if arguments.next().is_some_and(|first| first == "sandbox") {
        let code = tenon::workspace::helper_main(arguments.collect());
        return std::process::ExitCode::from(u8::try_from(code).unwrap_or(1));
    }
    std::process::ExitCode::SUCCESS
}
