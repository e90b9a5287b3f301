package dockertest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/dockertest"
)

func TestEventuallyFailsWithWhatItSawLast(t *testing.T) {
	looks := 0
	told := record(t, func(r *recorder) {
		dockertest.Eventually(r, 100*time.Millisecond, func() (bool, string) {
			looks++
			return false, fmt.Sprintf("look %d", looks)
		})
	})
	if !told.Failed() || !strings.HasSuffix(told.text(), fmt.Sprintf("\nlook %d", looks)) {
		t.Errorf("failed: %v, after %d looks told %q", told.Failed(), looks, told.text())
	}
}

func TestEventuallyReturnsAsSoonAsItIsTrue(t *testing.T) {
	looks := 0
	dockertest.Eventually(t, time.Hour, func() (bool, string) {
		looks++
		return looks == 3, ""
	})
	if looks != 3 {
		t.Errorf("looked %d times, want 3", looks)
	}
}

func TestEventuallyLooksAtLeastOnce(t *testing.T) {
	dockertest.Eventually(t, -time.Second, func() (bool, string) { return true, "" })
}
