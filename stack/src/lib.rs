#![no_std]
//! stack
