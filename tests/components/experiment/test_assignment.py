import hashlib
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from components.experiment import assignment
from components.experiment.assignment import CONTROL, NOT_ENROLLED, TREATMENT

USERS = [f"user-{number}" for number in range(100_000)]
ODD_USERS = ["u1", "", "42", "Zoë", "用户", "a/b", " spaced ", "x" * 300]


def test_a_hash_is_the_first_eight_bytes_of_sha256_as_a_fraction():
    expected = int(hashlib.sha256(b"exp/arm/u1").hexdigest()[:16], 16) / 2**64

    assert assignment.hash_user("exp/arm", "u1") == expected


def test_hashes_are_uniform():
    assert stats.kstest(assignment.hash_users("exp/in", USERS), "uniform").pvalue > 0.01


def test_all_at_once_equals_one_by_one():
    share = 0.3

    assert assignment.hash_users("exp/in", ODD_USERS).tolist() == [
        assignment.hash_user("exp/in", user) for user in ODD_USERS
    ]
    expected = [assignment.assign_user("exp", share, user) for user in USERS[:2000] + ODD_USERS]
    assert assignment.assign_users("exp", share, USERS[:2000] + ODD_USERS).tolist() == expected
    held = [assignment.hold_out_user("shop", 0.1, user) for user in USERS[:2000] + ODD_USERS]
    assert assignment.hold_out_users("shop", 0.1, USERS[:2000] + ODD_USERS).tolist() == held


def test_each_stage_is_split_in_halves():
    for share in (0.02, 0.1, 1.0):
        arm = assignment.assign_users("exp", share, USERS)
        enrolled = np.count_nonzero(arm != NOT_ENROLLED)

        assert stats.binomtest(enrolled, len(USERS), share).pvalue > 0.001
        assert stats.binomtest(int(np.count_nonzero(arm == TREATMENT)), enrolled, 0.5).pvalue > 0.001


def test_the_arm_is_independent_of_enrolment_and_of_other_experiments():
    first = assignment.split_users("exp-1", USERS)
    enrolled = assignment.assign_users("exp-1", 0.1, USERS) != NOT_ENROLLED
    other = assignment.split_users("exp-2", USERS)
    held = assignment.hold_out_users("shop", 0.1, USERS)

    for against in (enrolled, other, held):
        table = [[np.count_nonzero((first == arm) & (against == value)) for value in (0, 1)] for arm in (0, 1)]
        assert stats.chi2_contingency(table).pvalue > 0.001


def test_enrolment_is_nested_and_arms_stay():
    small, large = (assignment.assign_users("exp", share, USERS) for share in (0.1, 0.4))

    assert np.array_equal(small[small != NOT_ENROLLED], large[small != NOT_ENROLLED])
    assert set(np.unique(large).tolist()) == {NOT_ENROLLED, CONTROL, TREATMENT}


def test_a_user_without_an_id_is_never_in():
    assert assignment.assign_user("exp", 1.0, "") == NOT_ENROLLED
    assert assignment.assign_users("exp", 1.0, ["", "u1"])[0] == NOT_ENROLLED
    assert not assignment.hold_out_user("shop", 0.99, "")


def test_another_process_says_the_same():
    script = (
        "import json; from components.experiment.assignment import assign_users; "
        f"print(json.dumps(assign_users('exp', 0.5, {ODD_USERS!r}).tolist()))"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert json.loads(answer.stdout) == assignment.assign_users("exp", 0.5, ODD_USERS).tolist()


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node.js, which is not on this machine")
def test_javascript_says_the_same():
    users = USERS[:3000] + ODD_USERS
    script = """
const { createHash } = require('crypto');
const hash = (salt, user) => Number(createHash('sha256').update(salt + '/' + user).digest().readBigUInt64BE(0)) / 2 ** 64;
const users = JSON.parse(require('fs').readFileSync(0, 'utf8'));
console.log(JSON.stringify(users.map(user => hash('exp/in', user))));
"""
    answer = subprocess.run(["node", "-e", script], input=json.dumps(users), capture_output=True, text=True, check=True)

    assert json.loads(answer.stdout) == assignment.hash_users("exp/in", users).tolist()
