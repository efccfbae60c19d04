//! Tests of the whole: the host's binary, real plugins, parity with the references
