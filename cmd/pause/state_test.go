package main

import (
	"slices"
	"testing"
)

func TestNobodyIsAskedToEndTwice(t *testing.T) {
	type events = []event
	type actions = []action
	for name, c := range map[string]struct {
		why    string
		leased bool
		events []event
		want   []action // one for each event
	}{
		"Alone":            {"started by hand, a signal ends all in order", false, events{signalled}, actions{askOthers}},
		"AloneTwice":       {"the second would be a second one for all", false, events{signalled, signalled}, actions{askOthers, nothing}},
		"Killed":           {"a supervisor that was killed has asked nobody", true, events{granted, lost}, actions{nothing, askOthers}},
		"KilledAndAsked":   {"all have been asked by us", true, events{granted, lost, signalled}, actions{nothing, askOthers, nothing}},
		"Asked":            {"the supervisor knows the order in which to stop", true, events{granted, signalled}, actions{nothing, tell}},
		"AskedTwice":       {"it has been told", true, events{granted, signalled, signalled}, actions{nothing, tell, nothing}},
		"AskedAndKilled":   {"who asked us has asked everybody, or the supervisor has", true, events{granted, signalled, lost}, actions{nothing, tell, await}},
		"Stopping":         {"the supervisor has asked everybody", true, events{granted, stopping, lost}, actions{nothing, nothing, await}},
		"StoppingAndAsked": {"it is on its way", true, events{granted, stopping, signalled, lost}, actions{nothing, nothing, nothing, await}},
		"AskedAndStopping": {"as usual in an engine's shutdown", true, events{granted, signalled, stopping, lost}, actions{nothing, tell, nothing, await}},
		"Refused":          {"there is no pod yet", true, events{lost}, actions{refused}},
		"AskedBefore":      {"it is told as soon as it listens", true, events{signalled, granted, lost}, actions{tell, nothing, await}},
		"Charge":           {"supervisors come and go", false, events{claimed, released, claimed, released}, actions{grant, nothing, grant, nothing}},
		"ChargeAsked":      {"the one in charge knows the order", false, events{claimed, signalled}, actions{grant, tell}},
		"ChargeAskedTwice": {"it has been told", false, events{claimed, signalled, signalled}, actions{grant, tell, nothing}},
		"ChargeEnds":       {"the one who was told has asked nobody", false, events{claimed, signalled, released}, actions{grant, tell, askOthers}},
		"ChargeStops":      {"the one who was told has asked everybody", false, events{claimed, signalled, stopping, released}, actions{grant, tell, nothing, await}},
		"ChargeStopsFirst": {"it has to know that pause goes too", false, events{claimed, stopping, signalled, released}, actions{grant, nothing, tell, await}},
		"ChargeForgotten":  {"a clean stop leaves pause; what then joins was not asked", false, events{claimed, stopping, released, signalled}, actions{grant, nothing, nothing, askOthers}},
		"NextInCharge":     {"what the former has asked is not the next one's", false, events{claimed, stopping, released, claimed, signalled, released}, actions{grant, nothing, nothing, grant, tell, askOthers}},
		"ClaimedTooLate":   {"there is nothing to be in charge of", false, events{signalled, claimed}, actions{askOthers, nothing}},
		"ClaimedAtTheEnd":  {"pause is on its way down", false, events{claimed, signalled, released, claimed, signalled}, actions{grant, tell, askOthers, nothing, nothing}},
		"AskedAndRefused":  {"nobody has joined yet", true, events{signalled, lost}, actions{tell, refused}},
	} {
		t.Run(name, func(t *testing.T) {
			s, got := state{leased: c.leased}, []action(nil)
			for _, e := range c.events {
				var do action
				s, do = next(s, e)
				got = append(got, do)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s: does %v, want %v", c.why, got, c.want)
			}
		})
	}
}
