//! The table itself.

/// Where keys are pressed: one per pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// The conversation and its composer.
    Chat,
    /// The proposal.
    Diff,
    /// Output of gates and commands.
    Log,
    /// The tasks side by side.
    Tasks,
}

impl Place {
    /// All of them, in the order of Tab.
    pub const ALL: [Self; 4] = [Self::Chat, Self::Diff, Self::Log, Self::Tasks];
}

/// A set of places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places(u8);

impl Places {
    /// Everywhere.
    pub const ANYWHERE: Self = Self(0b1111);
    /// The chat pane.
    pub const CHAT: Self = Self(0b0001);
    /// The diff pane.
    pub const DIFF: Self = Self(0b0010);
    /// The log pane.
    pub const LOG: Self = Self(0b0100);
    /// The tasks pane.
    pub const TASKS: Self = Self(0b1000);
    /// Every pane where letters are keys and not text.
    pub const LISTS: Self = Self(0b1110);
    /// Diff and log.
    pub const READING: Self = Self(0b0110);

    /// The sets in the order of the documentation.
    pub const GROUPS: &'static [(&'static str, Self)] = &[
        ("Anywhere", Self::ANYWHERE),
        ("Chat", Self::CHAT),
        ("Diff, log and tasks", Self::LISTS),
        ("Diff and log", Self::READING),
        ("Diff", Self::DIFF),
        ("Log", Self::LOG),
        ("Tasks", Self::TASKS),
    ];

    /// Whether a place is in the set.
    pub fn holds(self, place: Place) -> bool {
        let bit = match place {
            Place::Chat => Self::CHAT,
            Place::Diff => Self::DIFF,
            Place::Log => Self::LOG,
            Place::Tasks => Self::TASKS,
        };
        self.0 & bit.0 != 0
    }
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// What happens.
    pub action: Action,
    /// Its name, for the key map file and the palette.
    pub name: &'static str,
    /// What it does, in a sentence without a full stop.
    pub doc: &'static str,
    /// The default keys.
    pub keys: &'static [&'static str],
    /// Where they work.
    pub places: Places,
    /// The word in the footer; empty where the footer does not show it.
    pub footer: &'static str,
}

macro_rules! keys {
    ($($action:ident $name:literal $places:ident [$($key:literal)*] $footer:literal $doc:literal;)*) => {
        /// What a key can ask for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action {
            $(#[doc = $doc] $action,)*
        }

        /// Every action with its keys.
        pub const KEYS: &[Entry] = &[
            $(Entry {
                action: Action::$action,
                name: $name,
                doc: $doc,
                keys: &[$($key),*],
                places: Places::$places,
                footer: $footer,
            },)*
        ];
    };
}

keys! {
    Send "send" CHAT ["Enter"] "send" "Send the message; while the agent works it is queued";
    Newline "newline" CHAT ["Alt-Enter" "Ctrl-j" "Shift-Enter"] "newline" "Start a new line in the message";
    HistorySearch "history-search" CHAT ["Ctrl-r"] "" "Search the messages sent before";
    EditMessage "edit-message" CHAT ["Ctrl-g"] "" "Edit the message in $EDITOR";
    Stop "stop" CHAT ["Esc"] "stop" "Interrupt what runs, or clear the message";
    ChatPageUp "chat-page-up" CHAT ["PageUp" "Ctrl-b"] "" "Scroll the conversation a page up";
    ChatPageDown "chat-page-down" CHAT ["PageDown" "Ctrl-f"] "" "Scroll the conversation a page down";
    ChatUp "chat-up" CHAT ["Ctrl-Up" "Alt-Up"] "" "Scroll the conversation a line up";
    ChatDown "chat-down" CHAT ["Ctrl-Down" "Alt-Down"] "" "Scroll the conversation a line down";
    ChatTop "chat-top" CHAT ["Ctrl-Home"] "" "Go to the beginning of the conversation";
    ChatBottom "chat-bottom" CHAT ["Ctrl-End"] "" "Go to the end of the conversation and follow it";
    Unfold "unfold" CHAT ["Ctrl-o"] "" "Show or fold thinking and the output of tools";
    CopyAnswer "copy-answer" CHAT ["Alt-y"] "" "Copy the last answer";

    Accept "accept" DIFF ["a"] "accept" "Accept the hunk, or the selected lines of it";
    Reject "reject" DIFF ["r"] "reject" "Reject the hunk, or the selected lines of it";
    EditHunk "edit-hunk" DIFF ["e"] "edit" "Edit the hunk in $EDITOR";
    Comment "comment" DIFF ["c"] "comment" "Comment on the line; one that ends in ? is asked at once";
    SelectLine "select-line" DIFF ["Space"] "line" "Select or deselect the line";
    Commit "commit" DIFF ["Enter"] "commit" "Open the commit dialog";
    UndoCommit "undo" DIFF ["u"] "undo" "Take the last commit of this session back";
    RedoCommit "redo" DIFF ["Ctrl-r"] "" "Bring the commit that was taken back again";
    SendReview "send-review" DIFF ["s"] "send back" "Send rejections and comments back to the agent";
    AcceptFile "accept-file" DIFF ["A"] "" "Accept every hunk of the file";
    RejectFile "reject-file" DIFF ["R"] "" "Reject every hunk of the file";
    OpenAgain "open-again" DIFF ["Backspace"] "" "Take the verdict on the hunk back";
    SelectRange "select-range" DIFF ["v"] "" "Begin or end selecting a range of lines";
    NextHunk "next-hunk" DIFF ["J" "]" "Shift-Down"] "" "Go to the next hunk";
    PreviousHunk "previous-hunk" DIFF ["K" "[" "Shift-Up"] "" "Go to the hunk before";
    NextFile "next-file" DIFF ["n"] "" "Go to the next file";
    PreviousFile "previous-file" DIFF ["p"] "" "Go to the file before";
    ToggleSplit "toggle-split" DIFF ["t"] "" "Show old and new side by side, or in one column";
    ToggleIntraline "toggle-intraline" DIFF ["w"] "" "Mark what changed within a line, or not";
    ExpandContext "expand-context" DIFF ["x"] "" "Show more unchanged lines around the hunks";
    ScrollLeft "scroll-left" DIFF ["h" "Left"] "" "Scroll long lines to the left";
    ScrollRight "scroll-right" DIFF ["l" "Right"] "" "Scroll long lines to the right";
    ProveAgain "prove" DIFF ["P"] "" "Run the gates again";

    Down "down" LISTS ["j" "Down"] "" "Go a line down";
    Up "up" LISTS ["k" "Up"] "" "Go a line up";
    PageDown "page-down" LISTS ["PageDown" "Ctrl-d" "Ctrl-f"] "" "Go a page down";
    PageUp "page-up" LISTS ["PageUp" "Ctrl-u" "Ctrl-b"] "" "Go a page up";
    Top "top" LISTS ["g" "Home"] "" "Go to the beginning";
    Bottom "bottom" LISTS ["G" "End"] "" "Go to the end";
    Back "back" LISTS ["Esc"] "" "Drop the selection or the filter, then go to the chat";
    Leave "leave" LISTS ["q"] "" "Go to the chat; in a review without a chat, quit";
    ZoomHere "zoom" LISTS ["z"] "zoom" "Give the pane the whole screen, or take it back";
    Search "search" READING ["/"] "" "Search the diff, or filter the log";
    Copy "copy" READING ["y"] "copy" "Copy the hunk, the selected lines or the log lines on screen";

    SearchNext "search-next" DIFF ["N"] "" "Go to the next place the search finds";
    Follow "follow" LOG ["f"] "follow" "Follow new lines";
    NextSource "next-source" LOG ["n"] "source" "Show the lines of one gate or command, the next one, or all";
    Jump "jump" LOG ["Enter"] "jump" "Go to the file and line named in the log line";
    OpenTask "open-task" TASKS ["Enter"] "open" "Bring the task to the screen";
    NewTask "new-task" TASKS ["n"] "new" "Hand a task to another agent";
    StopTask "stop-task" TASKS ["d"] "stop" "Stop what the task is doing";

    NextPane "next-pane" ANYWHERE ["Tab" "Ctrl-l"] "pane" "Go to the next pane";
    PreviousPane "previous-pane" ANYWHERE ["Shift-Tab" "Ctrl-h"] "" "Go to the pane before";
    Delegate "delegate" ANYWHERE ["Ctrl-t"] "" "Hand a task to another agent";
    Palette "palette" ANYWHERE ["Ctrl-p"] "palette" "Find any action by name";
    Help "help" ANYWHERE ["F1"] "" "Show the keys";
    Agents "agents" ANYWHERE ["F2"] "" "Choose the agent";
    Models "models" ANYWHERE ["F3"] "" "Choose the model";
    GoChat "go-chat" ANYWHERE ["Alt-1"] "" "Go to the chat";
    GoDiff "go-diff" ANYWHERE ["Alt-2"] "" "Go to the diff";
    GoLog "go-log" ANYWHERE ["Alt-3"] "" "Go to the log";
    GoTasks "go-tasks" ANYWHERE ["Alt-4"] "" "Go to the tasks";
    GoFirst "go-first" ANYWHERE ["Alt-0"] "" "Go back to the session the program was started on";
    Zoom "zoom-anywhere" ANYWHERE ["Alt-z" "F11"] "" "Give the pane the whole screen, or take it back";
    Mouse "mouse" ANYWHERE ["F12"] "" "Leave the mouse to the terminal, or take it back";
    Redraw "redraw" ANYWHERE ["F5"] "" "Draw the screen again";
    Quit "quit" ANYWHERE ["Ctrl-c"] "" "Interrupt or clear; twice quits";
    HelpHere "keys" ANYWHERE ["?"] "keys" "Show the keys (in the chat: when the message is empty)";
}
