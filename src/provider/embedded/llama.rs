//! llama.cpp behind the engine's trait.

use std::num::NonZeroU32;
use std::path::Path;

use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::context::session::LlamaStateSeqFlags;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::model::{LlamaChatMessage, LlamaModel};
use llama_cpp_2::token::LlamaToken;

use super::engine::{Brain, guess};

/// Tokens computed at once.
const BATCH: u32 = 64;

/// A loaded model with its memory.
pub(super) struct Llama<'a> {
    backend: &'a LlamaBackend,
    model: &'a LlamaModel,
    context: Option<LlamaContext<'a>>,
    size: usize,
    threads: usize,
    chat_ml: bool,
}

/// Loads weights, telling how much of them is there.
pub(super) fn load(
    backend: &LlamaBackend,
    path: &Path,
    mut progress: impl FnMut(f32) + 'static,
) -> Result<LlamaModel, String> {
    let parameters = LlamaModelParams::default().with_use_mmap(true).with_progress_callback(move |part| {
        progress(part);
        true
    });
    LlamaModel::load_from_file(backend, path, &parameters)
        .map_err(|error| format!("{} could not be loaded: {error}", path.display()))
}

impl<'a> Llama<'a> {
    /// Makes room for a context of this many tokens.
    pub(super) fn new(
        backend: &'a LlamaBackend,
        model: &'a LlamaModel,
        context: usize,
        threads: usize,
    ) -> Result<Self, String> {
        let size = context.min(usize::try_from(model.n_ctx_train()).unwrap_or(context)).max(512);
        let chat_ml = model.vocab().tokenize(b"<|im_start|>", false, true).len() == 1;
        let mut made = Self { backend, model, context: None, size, threads, chat_ml };
        made.context = Some(made.make(threads)?);
        Ok(made)
    }

    fn make(&self, threads: usize) -> Result<LlamaContext<'a>, String> {
        let threads = i32::try_from(threads).unwrap_or(1);
        let parameters = LlamaContextParams::default()
            .with_n_ctx(u32::try_from(self.size).ok().and_then(NonZeroU32::new))
            .with_n_batch(BATCH)
            .with_n_ubatch(BATCH)
            .with_n_threads(threads)
            .with_n_threads_batch(threads)
            .with_no_perf(true);
        self.model
            .new_context(self.backend, parameters)
            .map_err(|error| format!("no memory for a context of {} tokens: {error}", self.size))
    }

    fn context_mut(&mut self) -> Result<&mut LlamaContext<'a>, String> {
        self.context.as_mut().ok_or_else(|| "the context is gone".to_owned())
    }
}

/// The model as its file names it.
pub(super) fn name(model: &LlamaModel) -> String {
    model.meta_val_str("general.name").unwrap_or_default()
}

impl Brain for Llama<'_> {
    fn tokens(&self, text: &str, control: bool) -> Vec<i32> {
        self.model.vocab().tokenize(text.as_bytes(), false, control).into_iter().map(|token| token.0).collect()
    }

    fn piece(&self, token: i32) -> Vec<u8> {
        self.model.vocab().token_to_piece(LlamaToken(token), false, None)
    }

    fn ends(&self, token: i32) -> bool {
        self.model.vocab().is_eog(LlamaToken(token))
    }

    fn is_control(&self, token: i32) -> bool {
        self.model.vocab().is_control(LlamaToken(token))
    }

    fn context(&self) -> usize {
        self.size
    }

    fn template(&self, turns: &[(&str, &str)]) -> Option<String> {
        if self.chat_ml {
            return None;
        }
        let template = self.model.chat_template(None).ok()?;
        let message = |(role, text): &(&str, &str)| LlamaChatMessage::new((*role).to_owned(), (*text).to_owned()).ok();
        let messages: Vec<LlamaChatMessage> = turns.iter().filter_map(message).collect();
        self.model.apply_chat_template(&template, &messages, true).ok()
    }

    fn can_be_cut(&self) -> bool {
        !self.model.is_recurrent() && !self.model.is_hybrid()
    }

    fn keep(&mut self, tokens: usize) -> Result<(), String> {
        let context = self.context_mut()?;
        if tokens == 0 {
            context.clear_kv_cache();
            return Ok(());
        }
        let from = u32::try_from(tokens).map_err(|error| error.to_string())?;
        context.kv_cache_seq_rm(0, Some(from), None).map_err(|error| error.to_string())
    }

    fn read(&mut self, from: usize, tokens: &[i32]) -> Result<(), String> {
        // Long batches are prompts, of which only the end is asked for.
        let every = tokens.len() <= guess::MOST + 1;
        let mut batch = LlamaBatch::new(tokens.len(), 1);
        for (index, token) in tokens.iter().enumerate() {
            let position = i32::try_from(from + index).map_err(|error| error.to_string())?;
            batch
                .add(LlamaToken(*token), position, &[0], every || index + 1 == tokens.len())
                .map_err(|error| error.to_string())?;
        }
        self.context_mut()?.decode(&mut batch).map_err(|error| error.to_string())?;
        Ok(())
    }

    fn logits(&self, behind: usize) -> &[f32] {
        let behind = i32::try_from(behind).unwrap_or(-1);
        self.context.as_ref().map(|context| context.get_logits_ith(behind)).unwrap_or_default()
    }

    fn threads(&mut self, count: usize) -> bool {
        if count == self.threads {
            return true;
        }
        // The number belongs to the context, so what it knows moves to a new one.
        let state = self.context.as_ref().and_then(|old| old.state_seq_get(0, LlamaStateSeqFlags::empty()).ok());
        self.context = None;
        self.context = self.make(count).ok();
        self.threads = count;
        let (Some(new), Some(state)) = (&mut self.context, state) else { return false };
        new.state_seq_set(&state, 0).is_ok()
    }

    fn save(&self, path: &Path, tokens: &[i32]) -> Result<(), String> {
        let tokens: Vec<LlamaToken> = tokens.iter().map(|token| LlamaToken(*token)).collect();
        let context = self.context.as_ref().ok_or("the context is gone")?;
        context.state_seq_save_file(path, 0, &tokens).map(|_| ()).map_err(|error| error.to_string())
    }

    fn restore(&mut self, path: &Path) -> Option<Vec<i32>> {
        let size = self.size;
        let (tokens, _) = self.context_mut().ok()?.state_seq_load_file(path, 0, size).ok()?;
        Some(tokens.into_iter().map(|token| token.0).collect())
    }
}
