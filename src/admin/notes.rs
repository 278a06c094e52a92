//! What was done by a form, said on the page that follows it.
//!
//! The sentence stays here and its number goes into the address: a link made by somebody else cannot put words on the page.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use aws_lc_rs::rand;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::site::admin::Note;

/// Sentences kept, the newest: each is read once, right after it was said.
const NOTES_MAX: usize = 200;
const NUMBER_BYTES: usize = 9;

#[derive(Default)]
pub struct Notes(Mutex<VecDeque<(String, Note)>>);

impl Notes {
    /// Keeps a sentence; the number it is found by.
    pub fn keep(&self, note: Note) -> String {
        let mut number = [0; NUMBER_BYTES];
        if rand::fill(&mut number).is_err() {
            return String::new();
        }
        let number = URL_SAFE_NO_PAD.encode(number);
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push_back((number.clone(), note));
        while notes.len() > NOTES_MAX {
            notes.pop_front();
        }
        number
    }

    pub fn find(&self, number: &str) -> Option<Note> {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.iter().find(|(known, _)| known == number).map(|(_, note)| note.clone())
    }
}
