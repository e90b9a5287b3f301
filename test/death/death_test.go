// Package death kills supervisors, pauses, components and engines of pods at random, one or
// two at a time and at any moment of their lives, in all the forms in which people run pods,
// and judges from outside what becomes of that: exit codes, last records, what is left.
//
// Its engines are its own, so that it sees all that is left and nobody else helps to remove
// it. Faults between a supervisor and its engine are the business of package test.
package death

import (
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/dockertest"
)

const (
	// usualRounds are as many as a test of everything has time for.
	usualRounds = 30
	// roundVariable in the environment has one round repeated alone, by its number and with
	// the seed that was told.
	roundVariable = "PODLIKE_TEST_ROUND"
)

// Whoever dies, and whenever: no pod hangs, each supervisor's exit code and last record say
// whose end it was, and nothing is left.
func TestNothingHangsAndNothingIsLeftWhoeverDies(t *testing.T) {
	seed, began := dockertest.Seed(t), time.Now()
	bySite := map[string][]*round{}
	for _, r := range drawAll(t, seed) {
		bySite[r.site.name] = append(bySite[r.site.name], r)
	}
	var score score
	var fighting sync.WaitGroup
	for _, s := range sites {
		if rounds := bySite[s.name]; len(rounds) > 0 {
			fighting.Go(func() {
				t.Run(s.name, func(t *testing.T) { s.fight(t, seed, rounds, &score) })
			})
		}
	}
	fighting.Wait()
	if n := score.rounds.Load(); score.struck.Load() < n*8/10 {
		t.Errorf("only in %d of %d rounds was anybody hit", score.struck.Load(), n)
	}
	dockertest.Report(t, "%d rounds in %v, %d of them failed, in %d nobody was hit; "+
		"without help something was left for %v at most after a pod's end, in round %s; %s=%d",
		score.rounds.Load(), time.Since(began).Round(time.Second), score.failed.Load(), score.rounds.Load()-score.struck.Load(),
		score.latest.Round(100*time.Millisecond), score.latestRound, dockertest.SeedVariable, seed)
}

// drawAll are all rounds, or the one that is to be repeated.
func drawAll(t *testing.T, seed uint64) (all []*round) {
	t.Helper()
	if text := os.Getenv(roundVariable); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			t.Fatalf("%s=%s is no number of a round", roundVariable, text)
		}
		return []*round{drawRound(seed, n)}
	}
	for i := range dockertest.Rounds(t, usualRounds) {
		all = append(all, drawRound(seed, i))
	}
	return all
}

// A score is what has come of all rounds.
type score struct {
	rounds, struck, failed atomic.Int64

	mu          sync.Mutex
	latest      time.Duration // that something was left for after a pod's end, without help
	latestRound string
}

// note notes a round.
func (s *score) note(r *round, failed bool) {
	s.rounds.Add(1)
	if len(r.hits) > 0 {
		s.struck.Add(1)
	}
	if failed {
		s.failed.Add(1)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.late > s.latest {
		s.latest, s.latestRound = r.late, r.number
	}
}

// fight fights the rounds of a site, some at a time.
func (s site) fight(t *testing.T, seed uint64, rounds []*round, score *score) {
	g := s.open(t)
	var next atomic.Int64
	var fighting sync.WaitGroup
	for range s.atATime {
		fighting.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(rounds)); i = next.Add(1) - 1 {
				r := rounds[i]
				ok := t.Run("Round-"+r.number, func(t *testing.T) { r.fight(t, g) })
				score.note(r, !ok)
				if !ok {
					t.Logf("to repeat it: make chaos SEED=%d ROUND=%s", seed, r.number)
				}
			}
		})
	}
	fighting.Wait()
	g.empty(t)
}
