package cgroup

// MaskOf is maskOf for tests.
var MaskOf = maskOf
