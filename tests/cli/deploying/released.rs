//! From a source checkout to an answer.
