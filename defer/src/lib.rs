#![no_std]
//! defer
