package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podlike/podlike/internal/event"
)

func TestOnlyWhatNobodyCanHaveChangedOfAProgramIsGivenBack(t *testing.T) {
	const maps = `00400000-00982000 r-xp 00000000 00:2c 123                                /supervisor
00982000-00f34000 r--p 00582000 00:2c 123                                /supervisor
00f34000-00fa0000 rw-p 00b34000 00:2c 123                                /supervisor
00fa0000-02fe5000 rw-p 00000000 00:00 0
c000000000-c000400000 rw-p 00000000 00:00 0
7f0000000000-7f0000001000 r-xp 00000000 00:2c 124                        /other
7ffe1000-7ffe3000 r-xp 00000000 00:00 0                                  [vdso]
`
	want := []span{{0x400000, 0x982000}, {0x982000, 0xf34000}}
	if got := readOnly(maps, "/supervisor"); !slices.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestAProgramGoesOnWithLessOfItInMemory(t *testing.T) {
	before := mapped(t)
	release()
	if after := mapped(t); after >= before {
		t.Errorf("%d kB of files are mapped, as many as before: %d kB", after, before)
	}
}

func TestMemoryIsGivenBackWhenThePodHasComeUpOrIsLongInComing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released, told := 0, 0
		tell, end := releasing(t.Context(), func(event.Event) { told++ }, func() { released++ })
		for i, step := range []struct {
			why  string
			do   func()
			want int
		}{
			{"nothing has come up", func() { tell(event.Event{Kind: event.Created}) }, 0},
			{"it has", func() { tell(event.Event{Kind: event.Running}) }, 1},
			{"that was soon enough", func() { time.Sleep(2 * settled) }, 1},
			{"all has come up again", func() { tell(event.Event{Kind: event.Running}) }, 2},
			{"nobody is left to do it", func() { end(); tell(event.Event{Kind: event.Running}) }, 2},
		} {
			step.do()
			synctest.Wait()
			if released != step.want {
				t.Errorf("step %d: released %d times, want %d: %s", i, released, step.want, step.why)
			}
		}
		if told != 4 {
			t.Errorf("%d events are passed on, want 4", told)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		released := 0
		_, end := releasing(t.Context(), func(event.Event) {}, func() { released++ })
		time.Sleep(settled + time.Second)
		synctest.Wait()
		if end(); released != 1 {
			t.Errorf("released %d times in a long start, want once", released)
		}
	})
}

// mapped is how many kB of files this process has mapped that are in memory.
func mapped(t *testing.T) (kB int) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "RssFile:")
	if _, err := fmt.Sscanf(rest, "%d kB", &kB); err != nil {
		t.Fatalf("cannot find RssFile in %s: %v", text, err)
	}
	return kB
}
