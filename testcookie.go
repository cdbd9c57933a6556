package ginsession

// The test cookie tells whether a browser accepts cookies: set it while showing a form, look
// for it when the form comes back. Source: Django's set_test_cookie and its relatives.
const (
	testCookieKey   = "testcookie"
	testCookieValue = "worked"
)

// SetTestCookie puts the test value into the session, whose cookie then goes out.
func (s *Session) SetTestCookie() { s.Set(testCookieKey, testCookieValue) }

// TestCookieWorked reports whether the test value of an earlier request has come back.
func (s *Session) TestCookieWorked() bool { return s.Get(testCookieKey) == testCookieValue }

// DeleteTestCookie removes the test value, or returns [ErrKeyNotFound].
func (s *Session) DeleteTestCookie() error { return s.Delete(testCookieKey) }
