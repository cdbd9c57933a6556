package enginetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ginsession/ginsession"
)

// SetCache tests that a cache keeps the rules of [ginsession.SetCache] for its sets, each in a subtest,
// beside those of [Cache], which has a suite of its own. newCache is called once for each subtest, and
// may return the same cache every time: the names are random.
func SetCache(t *testing.T, newCache func(t *testing.T) ginsession.SetCache) {
	for _, rule := range []struct {
		name  string
		check func(setTest)
	}{
		{"a set has the members that were added", setTest.members},
		{"the longer of two times counts", setTest.longer},
		{"members that are added at once are all there", setTest.atOnce},
		{"a context that is over is an error", setTest.cancelled},
	} {
		t.Run(rule.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			rule.check(setTest{t, ctx, newCache(t), "set:" + newKey()})
		})
	}
}

type setTest struct {
	*testing.T
	ctx   context.Context
	cache ginsession.SetCache
	set   string
}

func (t setTest) add(member string, ttl time.Duration) {
	t.Helper()
	if err := t.cache.AddMember(t.ctx, t.set, member, ttl); err != nil {
		t.Error("AddMember:", err)
	}
}

func (t setTest) remove(members ...string) {
	t.Helper()
	if err := t.cache.RemoveMembers(t.ctx, t.set, members...); err != nil {
		t.Error("RemoveMembers:", err)
	}
}

func (t setTest) want(when string, want ...string) {
	t.Helper()
	members, err := t.cache.Members(t.ctx, t.set)
	if slices.Sort(members); err != nil || !slices.Equal(members, want) {
		t.Errorf("%s: Members: %q, %v, want %q", when, members, err, want)
	}
}

func (t setTest) members() {
	t.want("nothing was added")
	t.remove("absent")
	t.add("b", time.Minute)
	t.add("a", 400*24*time.Hour)
	t.add("b", time.Minute)
	t.want("two were added", "a", "b")
	if ok, err := t.cache.Add(t.ctx, newKey(), []byte("another entry"), time.Minute); !ok || err != nil {
		t.Error("Add:", ok, err)
	}
	t.remove("a", "absent")
	t.want("one was removed", "b")
	t.remove("b")
	t.want("both were removed")
	t.remove()
}

func (t setTest) longer() {
	t.add("short first", time.Millisecond)
	t.add("short first", time.Minute)
	t.add("long first", time.Minute)
	t.add("long first", time.Millisecond)
	t.add("alone", time.Millisecond)
	over := time.Now().Add(20 * time.Millisecond)
	for time.Now().Before(over) { // the caches have clocks of their own
		t.add("another", time.Minute)
	}
	members, err := t.cache.Members(t.ctx, t.set)
	for _, member := range []string{"short first", "long first", "another"} {
		if err != nil || !slices.Contains(members, member) {
			t.Errorf("%q is not in %q, %v", member, members, err)
		}
	}
}

func (t setTest) atOnce() {
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprintf("%02d", i))
	}
	together(len(want), func(i int) { t.add(want[i], time.Minute) })
	t.want("twenty were added", want...)
	together(10, func(i int) { t.remove(want[i]) })
	t.want("ten were removed", want[10:]...)
	t.remove(want...)
}

func (t setTest) cancelled() {
	over, cancel := context.WithCancel(t.ctx)
	cancel()
	if err := t.cache.AddMember(over, t.set, "a", time.Minute); err == nil {
		t.Error("AddMember: no error")
	}
	if _, err := t.cache.Members(over, t.set); err == nil {
		t.Error("Members: no error")
	}
	if err := t.cache.RemoveMembers(over, t.set, "a"); err == nil {
		t.Error("RemoveMembers: no error")
	}
	t.want("after calls that were over")
}
