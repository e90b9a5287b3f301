package dockertest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// The variables of the environment by which a test with dice is told what to do, and where to
// tell what is worth telling also when all is well, as go test says nothing of a package that
// passes.
const (
	SeedVariable   = "PODLIKE_TEST_SEED"   // repeats the rounds of an earlier test
	RoundsVariable = "PODLIKE_TEST_ROUNDS" // how many rounds there are
	reportVariable = "PODLIKE_TEST_REPORT" // a file that is appended to
)

// Seed is what a test's dice are made from. It is told, in case one of its rounds does harm.
func Seed(t testing.TB) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv(SeedVariable); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s=%s is no seed; a test that had one tells it", SeedVariable, text)
		}
	}
	t.Logf("%s=%d", SeedVariable, seed)
	return seed
}

// Rounds is how many rounds there are to be.
func Rounds(t testing.TB, usual int) int {
	t.Helper()
	text := os.Getenv(RoundsVariable)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%s is no number of rounds", RoundsVariable, text)
	}
	return n
}

// Report tells what was measured.
func Report(t testing.TB, format string, args ...any) {
	t.Helper()
	t.Logf(format, args...)
	name := os.Getenv(reportVariable)
	if name == "" {
		return
	}
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(file, t.Name()+": "+format+"\n", args...)
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
}
