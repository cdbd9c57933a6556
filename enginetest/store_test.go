package enginetest_test

import (
	"testing"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/enginetest"
	"github.com/ginsession/ginsession/internal/testsite"
)

func TestStore(t *testing.T) {
	enginetest.Store(t, func(*testing.T) ginsession.Store { return testsite.NewStore() })
}
