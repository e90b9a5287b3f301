package dockertest

import (
	"testing"
	"time"
)

// tick is how often Eventually looks. It is short: what tests wait for is mostly
// there within some hundred milliseconds.
const tick = 20 * time.Millisecond

// Eventually waits until look says ok. When that has not come true within the
// time, it fails the test with what look has seen last. It looks at least once,
// and once more when the time is over.
func Eventually(t testing.TB, within time.Duration, look func() (ok bool, seen string)) {
	t.Helper()
	end := time.Now().Add(within)
	for {
		late := time.Now().After(end)
		ok, seen := look()
		if ok {
			return
		}
		if late {
			t.Fatalf("not within %v; seen last:\n%s", within, seen)
		}
		time.Sleep(tick)
	}
}
