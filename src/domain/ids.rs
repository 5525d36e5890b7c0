//! Identifiers. Each is an opaque string with its own type, so that one cannot stand for another.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! string_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps an identifier that comes from outside (a provider, a journal, the command line).
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id)
            }
        }
    };
}

string_id!(
    /// A session: sortable by time, short enough to type.
    SessionId
);
string_id!(
    /// A tool call, as the provider named it, or as the engine did where the provider gave no name.
    CallId
);
string_id!(
    /// A proposal of a session: `p1`, `p2` and so on.
    ProposalId
);
string_id!(
    /// A hunk: derived from its path and content, so it survives its neighbours being accepted.
    HunkId
);
string_id!(
    /// A question for permission: `a1`, `a2` and so on.
    PermissionId
);
string_id!(
    /// A message of the user: `m1`, `m2` and so on; a queued message keeps its id when delivered.
    MessageId
);
