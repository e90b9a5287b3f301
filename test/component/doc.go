// Package component holds the tests of what a component's properties become on the
// real engine. There is nothing in it but tests.
package component
