package redis

import "testing"

func TestAnswersAreShownWithoutKeysAndValues(t *testing.T) {
	for answer, want := range map[string]string{
		"READONLY You can't write against a read only replica.":                                    "READONLY You can't write against a read only replica.",
		"READONLY You can't write against a read only replica. script: 6b1bf4, on @user_script:5.": "READONLY You can't write against a read only replica. script: 6b1bf4, on @user_script:5.",
		"ERR Error running script (call to f_6b1bf4): @user_script:5: -READONLY You can't write":   "ERR Error running script (call to f_6b1bf4): @user_script:5: -READONLY You can't write",
		"NOPERM this user has no permissions to run the 'eval' command":                            "NOPERM this user has no permissions to run the 'eval' command",
		"NOPERM User app has no permissions to run the 'client|tracking' command":                  "NOPERM User app has no permissions to run the 'client|tracking' command",
		"ERR unknown command 'SET', with args beginning with: 'secret' 'secret' ":                  "ERR unknown command 'SET'",
		"ERR unknown command `SET`, with args beginning with: `secret`, `secret`, ":                "ERR unknown command `SET`",
		"ERR no such thing as 'secret-1 that can't be' here":                                       "ERR no such thing as",
		`ERR bad value "{\"secret\":1}"`:                                                           "ERR bad value",
		`ERR bad value: 'a1b2c3d4e5f6g7h8a1b2c3d4e5f6g7h8'`:                                        "ERR bad value:",
	} {
		if got := withoutArguments(answer); got != want {
			t.Errorf("%s\nis shown as %s\nwant      %s", answer, got, want)
		}
	}
}

func TestWhatOnlyAReplicaAnswers(t *testing.T) {
	for answer, want := range map[string]bool{
		"READONLY You can't write against a read only replica.":                                             true,
		"READONLY You can't write against a read only replica. script: 6b1bf4, on @user_script:5.":          true,
		"ERR Error running script (call to f_6b1bf4): @user_script:5: @user_script: 5: -READONLY You can't": true,
		"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.":                  true,
		"ERR unknown command 'SET', with args beginning with: 'key' 'READONLY '":                            false,
		"NOREPLICAS Not enough good replicas to write.":                                                     false,
		"OOM command not allowed when used memory > 'maxmemory'.":                                           false,
	} {
		if got := onlyReplica(answer); got != want {
			t.Errorf("%s: %v; want %v", answer, got, want)
		}
	}
}
