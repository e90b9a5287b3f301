package hosts_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/podlike/podlike/internal/hosts"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long the kernel may take to tell.
const patience = 10 * time.Second

// Whoever writes to the file, and in whatever way an engine does, names are put back at once.
func TestNamesAreThereAgainAsSoonAsSomebodyHasWrittenToTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := os.WriteFile(path, []byte(engines), 0o644); err != nil {
		t.Fatal(err)
	}
	told, ended := make(chan struct{}, 100), make(chan error, 1)
	go func() {
		ended <- hosts.Watch(ctx, path, func() {
			if err := hosts.Restore(path, []string{"db"}); err != nil {
				t.Error(err)
			}
			told <- struct{}{}
		})
	}()
	known := func() {
		t.Helper()
		for deadline := time.After(patience); hosts.Lacks(path, []string{"db"}); {
			select {
			case <-told:
			case <-deadline:
				text, _ := os.ReadFile(path)
				t.Fatalf("the name is not there:\n%s", text)
			}
		}
	}
	known() // also what was lost before anybody looked
	for range 10 {
		if err := os.WriteFile(path, []byte(engines), 0o644); err != nil { // as the engine writes it anew
			t.Fatal(err)
		}
		known()
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestWhatIsNotThereCannotBeWatched(t *testing.T) {
	if err := hosts.Watch(t.Context(), filepath.Join(t.TempDir(), "none"), func() { t.Error("told of nothing") }); err == nil {
		t.Error("it is watched")
	}
}
