### Texts of the pages and mails in English. ko.ftl has the same IDs in the same order.
### A message says what happened, then what to do next. It does not guess at causes.

## Every page

# The language's own name, shown in the language switch.
language-name = English
language-switch = Language
footer-help = Help
footer-privacy = Privacy
footer-cookies = Essential cookies only.
footer-requests = No third-party content.
# Prefix of the page title when the page shows an error: "Error: Sign in".
title-error = Error:

## Fields on more than one page

field-username = Username
field-password = Password
# On a button beside a password field, which shows or hides the password.
password-show = Show
# What a screen reader says for that button. It begins with the text of the button.
password-show-label = Show password
# Below a password field.
password-caps-lock = Caps Lock is on.
field-display-name = Name
# After the label of an optional field.
field-optional = (optional)

## Sign in

sign-in-title = Sign in
sign-in-button = Sign in
sign-in-remember = Keep me signed in
sign-in-remember-hint = Use only on your own device.
sign-in-help = Can’t sign in? Contact your administrator.
# The link to HELP_URL; without it, sign-in-help is shown instead.
sign-in-help-link = Need help?

## Account

account-title = Your account
# A small line above the user's name.
account-signed-in-as = Signed in as
account-roles = Roles
account-signed-in-at = Signed in
account-sign-out-hint = On a shared computer, sign out when you’re done.
role-admin = Administrator
account-email = Email address
# Name of the account menu for screen readers.
account-nav = Account menu
account-nav-overview = Account
account-nav-profile = Profile
account-nav-sessions = Sessions
account-nav-password = Password
account-text-kept = Your changes are still here, but not saved yet.

## Profile

profile-title = Profile
profile-button = Save
profile-alert-title = Your profile wasn’t saved
profile-language = Language
profile-language-browser = Browser default

## Change the email address

email-link = Change email address
email-link-first = Add an email address
email-title = Change your email address
email-title-first = Add an email address
email-lead = We’ll email a confirmation link to the new address and notify your current one.
email-lead-first = We’ll email you a confirmation link.
email-no-mail = This server doesn’t send email. Ask your administrator to set your email address.
email-current = Current email
email-pending = Unconfirmed email
email-field = New email address
email-field-first = Email address
email-button = Send link
email-cancel = Cancel the change
email-cancel-first = Cancel
email-back = Back to profile
# $username (text): one that is an email address
email-name-stays = You’ll still sign in with the username { $username }.
email-alert-same-title = This is already your email address
email-alert-same-text = Enter a different one.
# $wait (text): from wait-seconds or wait-minutes
email-alert-too-many-text = Nothing was changed. Try again in { $wait }.

## Sessions

sessions-title = Active sessions
sessions-browsers = Browsers
sessions-clients = Apps
sessions-this = This device
sessions-unknown = Unknown device
sessions-script = Token created by an administrator
sessions-address = IP address
# Before a date.
sessions-began = Signed in
# Before a date.
sessions-last-used = Last used
sessions-remembered = Stays signed in
sessions-end = Sign out
# $name (text): such as "Firefox, Windows"
sessions-end-label = Sign out { $name }
sessions-end-others = Sign out on all other devices
events-title = Recent activity
events-none = No activity yet.
event-refresh-token-reused = An app was signed out because its token may have been stolen
event-signed-in = Signed in
event-signed-in-from-new-device = Signed in from a new device
# In the list of recent activity, with the network's address below. $count (number)
event-sign-in-failed = { $count ->
    [one] { $count } failed sign-in attempt
   *[other] { $count } failed sign-in attempts
}
# After the newest rows of event-sign-in-failed. $count (number)
event-sign-in-failed-more = { $count ->
    [one] { $count } failed sign-in attempt from another network
   *[other] { $count } failed sign-in attempts from other networks
}
event-sign-ins-blocked = Sign-in blocked after too many incorrect passwords
event-password-changed = Password changed
event-password-set = Password reset by link or by an administrator
event-session-ended = Signed out a device
event-other-sessions-ended = Signed out on all other devices
event-signed-out-by-admin = Signed out on all devices by an administrator
event-profile-changed = Profile updated
event-email-changed = Email address changed
event-disabled = Account disabled by an administrator
event-enabled = Account enabled by an administrator
event-deleted = Account deleted
# $count (number)
event-sign-ins-rejected = { $count ->
    [one] 1 sign-in attempt rejected without checking the password
   *[other] { $count } sign-in attempts rejected without checking the password
}
event-password-link-created = Link for a new password created by an administrator
event-new-password-required = New password required by an administrator
event-all-sessions-ended = Everyone signed out by an administrator
event-unlocked = Failed sign-ins cleared by an administrator
event-created = Account created
# $count (number)
event-users-imported = { $count ->
    [one] 1 account imported
   *[other] { $count } accounts imported
}
# $name (text)
event-role-granted = Role { $name } granted
# $name (text)
event-role-revoked = Role { $name } revoked
# $name (text)
event-role-changed = Scopes of the role { $name } changed
# $name (text)
event-role-deleted = Role { $name } deleted
event-invitation-created = Invitation created
event-invitation-revoked = Invitation revoked
# $name (text)
event-client-added = Client { $name } registered
# $name (text)
event-client-changed = Client { $name } changed
# $name (text)
event-client-secret-rotated = Secret of the client { $name } replaced
# $name (text)
event-client-deleted = Client { $name } deleted
event-script-token-issued = Token for a script issued
# $name (text)
event-signing-key-added = Signing key { $name } added
# $name (text)
event-signing-key-retired = Signing key { $name } retired
event-signing-keys-resealed = Signing keys encrypted with another server key

## Change the password

password-title = Change your password
password-lead = This signs you out on all other devices.
password-button = Change password
password-alert-title = Your password wasn’t changed
password-missing = Enter your current password and a new one.
password-same = The new password is the same as the current one. Choose another.
password-overtaken = Your password has just been changed elsewhere. Enter the current one.
field-current-password = Current password
alert-wrong-password-title = Incorrect password
alert-wrong-password-text = Nothing was changed. Enter your current password again.
alert-stale-account-text = Nothing was changed. Check the form and submit it again.

## Delete the account

delete-link = Delete account
delete-title = Delete your account?
delete-lead = This permanently deletes your name and email address and signs you out everywhere. It can’t be undone, and your username can’t be used again.
delete-button = Delete account
delete-cancel = Cancel
alert-last-admin-title = You’re the only administrator
alert-last-admin-text = Nothing was deleted. Make someone else an administrator first.

## Sign out

sign-out-title = Sign out?
sign-out-lead = You’re signed in on this browser.
sign-out-button = Sign out
sign-out-cancel = Cancel

## First administrator

setup-title = Create the first administrator
setup-lead = This page is disabled once the account is created.
setup-username-hint = Letters, numbers and . _ - + (not only numbers)
# $min (number): minimum length
new-password-hint = At least { $min } characters. A few unrelated words work well.
setup-button = Create account
setup-alert-title = The account wasn’t created

## Notices: successes and information

notice-signed-out = You’re signed out.
notice-session-ended = Your session has ended. Sign in to continue.
notice-set-up = Your administrator account is ready.
notice-profile-saved = Profile saved.
notice-email-asked = We’ve sent an email to the new address. Open the link in it within 24 hours.
notice-email-cancelled = Request canceled.
notice-password-changed = Password changed. You’re signed out on all other devices.
notice-one-ended = That device is signed out.
notice-others-ended = You’re signed out on all other devices.
notice-text-kept = Your session has ended. Sign in to continue. Your changes are kept.
notice-account-deleted = Your account has been deleted.
notice-user-disabled = The account was disabled and signed out.
notice-user-enabled = The account was enabled.
notice-user-signed-out = The user was signed out everywhere.
notice-user-session-ended = The session was ended.
notice-user-unlocked = Failed sign-ins were cleared. The user can try again now.
notice-user-link-mailed = A link is on its way by email.
notice-user-role-granted = The user has the role.
notice-user-role-revoked = The user doesn’t have the role.
notice-user-email-saved = The email address was saved.
notice-invitation-mailed = The invitation is on its way by email.

## Alerts: the form was not accepted

alert-wrong-credentials-title = Incorrect username or password
alert-wrong-credentials-text = Check both and try again.
alert-missing-title = Missing username or password
alert-missing-text = Enter your username and password.
alert-throttled-title = Too many attempts
# $wait (text): from wait-seconds or wait-minutes
alert-throttled-text = Try again in { $wait }. Until then, even the correct password won’t work.
alert-disabled-title = This account is disabled
alert-disabled-text = Contact your administrator to enable it.
alert-new-password-required-title = Choose a new password
alert-new-password-required-text = An administrator requires a new password for your account. Use “Forgot password?” to get a link by email, or ask an administrator for one.
alert-stale-title = This form has expired
alert-stale-text = Fill it in and submit it again.
# On the sign-out page, which has only a button.
alert-stale-sign-out-text = To sign out, use the button below.
alert-no-cookie-title = Cookies required
alert-no-cookie-text = Your browser didn’t send the cookie this page needs. Allow cookies for this site, then try again.
# $url (text): the https URL to open. The title is alert-no-cookie-title.
alert-insecure-cookie-text = This page needs a cookie that your browser only keeps over https. Open { $url } instead.
alert-busy-title = The server is busy
# $wait (text): from wait-seconds or wait-minutes
alert-busy-text = Your password hasn’t been checked yet. Try again in { $wait }.
alert-cross-site-title = This form came from another site
alert-cross-site-text = It was rejected, and nothing was changed. If you meant to do this, use the form on this page.
alert-bad-form-title = The form couldn’t be read
alert-bad-form-text = Nothing was changed. Fill in the form and submit it again.

## Durations and dates

# $count (number)
wait-seconds = { $count ->
    [one] { $count } second
   *[other] { $count } seconds
}
# $count (number)
wait-minutes = { $count ->
    [one] { $count } minute
   *[other] { $count } minutes
}
# $day (text), $month (number, 1 to 12), $year (text)
date = { $month ->
    [1] { $day } January { $year }
    [2] { $day } February { $year }
    [3] { $day } March { $year }
    [4] { $day } April { $year }
    [5] { $day } May { $year }
    [6] { $day } June { $year }
    [7] { $day } July { $year }
    [8] { $day } August { $year }
    [9] { $day } September { $year }
    [10] { $day } October { $year }
    [11] { $day } November { $year }
    [12] { $day } December { $year }
   *[other] { $year }-{ $month }-{ $day }
}
# As in date, $time (text, "13:05"), $zone (text, "UTC" or "CET")
date-time = { date }, { $time } { $zone }
# The same for the script that shows times in the browser's time zone: 1 is the date, 2 the time.
date-time-format = 1, 2
# Time since an event; "just now" is under a minute. $count (number)
ago-now = just now
ago-minutes = { $count ->
    [one] { $count } minute ago
   *[other] { $count } minutes ago
}
ago-hours = { $count ->
    [one] { $count } hour ago
   *[other] { $count } hours ago
}
ago-days = { $count ->
    [one] { $count } day ago
   *[other] { $count } days ago
}
ago-months = { $count ->
    [one] { $count } month ago
   *[other] { $count } months ago
}
ago-years = { $count ->
    [one] { $count } year ago
   *[other] { $count } years ago
}

## Rules for usernames, names and passwords

# $min (number)
password-too-short = This password is too short. Use at least { $min } characters.
# $max (number)
password-too-long = This password is too long. Use at most { $max } characters.
# Why a password is weak. password-weak-advice follows each.
password-weak-own-words = Don’t use your name, email or this site’s name.
password-weak-common = This password is too common.
password-weak-keyboard = Keyboard patterns are easy to guess.
password-weak-repeats = Repeated characters are easy to guess.
password-weak-sequence = Sequences such as abc or 123 are easy to guess.
password-weak-date = Dates and years are easy to guess.
password-weak-name = Common names are easy to guess.
password-weak-word = A single word is easy to guess.
password-weak-advice = Use a few unrelated words instead.
password-is-username = Your password can’t be your username. Choose another.
password-bad-character = This password contains the character { $code }, which can’t be used. Use letters, numbers, spaces, symbols and emoji.
username-invalid = This username can’t be used. Use 1 to 64 letters, numbers and . _ - + (not only numbers).
username-taken = This username is taken. Choose another.
username-reserved = This username is reserved. Choose another.
username-similar = This username looks like one that is taken. Choose another.
username-unusual = This username can’t be used, because it mixes writing systems or has unusual characters. Choose another.
username-at-sign = This username can’t be used. Choose one without @.
# $max (number)
display-name-invalid = This name can’t be used. Use at most { $max } characters on one line, or leave it blank.

## Links that are no longer valid

link-invalid-title = This link is no longer valid
link-invalid-text = It expired, was used or was replaced by a newer one. To get a new link, run “vestibule setup-link” on the server.
# After one of the link-expired texts, when the browser sent no cookie.
link-without-cookie = If you just opened it, allow cookies for this site and open the link again.

## Error pages

error-not-found-title = Page not found
error-not-found-text = Check the address or use the link below.
error-method-title = Request not supported
error-method-text = This page doesn’t accept this kind of request. Use the link below.
error-too-large-title = Request too large
error-too-large-text = Go back, shorten what you entered and try again.
error-bad-request-title = Invalid request
error-bad-request-text = The address or the form isn’t valid. Use the link below and try again.
error-internal-title = Something went wrong
error-internal-text = Try again in a moment. If the problem persists, contact your administrator and quote the request ID below.
error-unavailable-title = Service unavailable
error-unavailable-text = Try again in a moment. If the problem persists, contact your administrator.
error-request-id = Request ID
error-link-home = Go to your account
error-link-sign-in = Go to sign in

## Redirect loop: an application behind a reverse proxy keeps sending a signed-in user to the sign-in page

redirect-loop-title = Sign-in loop detected
# $application (text): its origin, such as https://app.example.com
redirect-loop-lead = You’re signed in, but { $application } keeps sending you back to sign in. Its reverse proxy doesn’t recognize you.
redirect-loop-cookies = Allow cookies for both sites, and open both over https.
redirect-loop-clock = Check the date and time on this device.
redirect-loop-admin = If the problem persists, contact your administrator: COOKIE_DOMAIN must contain the application’s address, the proxy must forward cookies to this server, and the clocks of both must agree.
redirect-loop-retry = Try again

## A reverse proxy denies access

refused-role-title = You don’t have access to this page
refused-role-text = Your account doesn’t have the role this page requires. If you need access, contact your administrator.

## Rescue: a locked-out administrator chooses a new password

rescue-title = Reset your password
rescue-lead = Choose a new password for this account. You’ll be signed out everywhere else.
field-new-password = New password
rescue-button = Save and sign in
rescue-alert-title = Your password wasn’t changed
notice-rescued = Your password has been reset.

## Mails. In all of them: $product (text), $name (text: display name or username), $url (text, this server's URL)

mail-greeting = Hi { $name },
mail-greeting-without-name = Hi,
mail-link-hint = If the button doesn’t work, copy this address into your browser:
mail-footer = { $product } sent this email from { $url }. Replies aren’t monitored.
mail-fact-device = Browser
mail-fact-address = IP address
mail-fact-time = Time
mail-reset-subject = Reset your password for { $product }
mail-reset-text = We received a request to reset your password. The link works once and expires in 30 minutes.
mail-reset-link = Reset password
mail-reset-note = Didn’t ask for this? Ignore this email. Your password won’t change.
mail-welcome-subject = Your account at { $product }
mail-welcome-text = An administrator created an account for you. Choose a password to sign in. The link works once and expires in 7 days.
mail-welcome-link = Choose a password
mail-welcome-note = Don’t know this service? Ignore this email.
mail-verify-subject = Confirm your email address for { $product }
mail-verify-text = Confirm that this is your email address. The link works once and expires in 24 hours.
mail-verify-link = Confirm email address
mail-verify-note = Didn’t ask for this? Ignore this email. Nothing will change.
mail-register-subject = Create your account at { $product }
mail-register-text = Choose a username and password to create your account. The link works once and expires in 24 hours.
mail-register-link = Create account
mail-register-note = Didn’t ask for this? Ignore this email. No account will be created.
mail-invite-subject = You’re invited to { $product }
mail-invite-text = An administrator invited you to create an account. The link works once and expires in 7 days.
mail-invite-link = Create account
mail-invite-note = Don’t want an account? Ignore this email.
mail-address-in-use-subject = You already have an account at { $product }
mail-address-in-use-text = We received a request for a new account with this email address, but you already have one. If you forgot your password, reset it.
mail-address-in-use-link = Reset password
mail-address-in-use-note = Didn’t ask for this? Ignore this email. Nothing was changed.
mail-password-changed-subject = Your password for { $product } was changed
mail-password-changed-text = Your password was changed. If this wasn’t you, reset it now.
mail-password-changed-link = Reset password
mail-password-changed-note = If this was you, ignore this email.
mail-new-device-subject = New sign-in to { $product }
mail-new-device-text = Your account was used to sign in from a new browser. If this wasn’t you, reset your password now.
mail-new-device-link = Reset password
mail-new-device-note = If this was you, ignore this email.
mail-address-wanted-subject = Request to use your email address at { $product }
mail-address-wanted-text = Someone asked to use this email address for another account. It belongs to yours, so nothing was changed.
mail-address-wanted-note = If this was you, change the email address of this account first. If not, ignore this email.
mail-email-change-asked-subject = Request to change your email at { $product }
mail-email-change-asked-text = We received a request to change your email address. It will change once the new address is confirmed. If this wasn’t you, reset your password now.
mail-email-change-asked-link = Reset password
mail-email-change-asked-note = Choosing a new password cancels the request. If this was you, open the link we sent to the new address.
mail-email-changed-subject = Your email address at { $product } was changed
mail-email-changed-text = Your account has a new email address. This is the last email to this one.
mail-email-changed-note = If this wasn’t you, contact your administrator now.
mail-account-deleted-subject = Your account at { $product } was deleted
mail-account-deleted-text = Your account and its personal data were deleted. You can no longer sign in.
mail-account-deleted-note = If this wasn’t you, contact your administrator now.

## Password reset by email

forgot-link = Forgot password?
forgot-title = Reset your password
forgot-lead = We’ll email you a reset link.
field-login = Email or username
forgot-button = Send link
forgot-back = Back to sign in
forgot-alert-title = Missing username or email address
forgot-alert-text = Enter your username or email address.
forgot-no-mail = This server doesn’t send email. Ask your administrator for a reset link.
notice-reset-asked = If an account matches, we’ve sent a link. It expires in 30 minutes. Check your spam folder too.
reset-title = Reset your password
reset-lead = You’ll be signed out everywhere. Then sign in with your new password.
reset-button = Reset password
notice-password-reset = Your password has been reset. Sign in with your new password.
link-expired-reset = It expired, was used or was replaced by a newer one. Request a new link.
alert-too-many-requests-title = Too many requests
# $wait (text): from wait-seconds or wait-minutes
alert-too-many-requests-text = Too many requests from your network. Try again in { $wait }.
# $wait (text): from wait-seconds or wait-minutes
alert-too-many-submissions-text = Too many attempts with this link. Try again in { $wait }.

## Confirm an email address

field-email = Email address
verify-title = Confirm your email address
verify-lead = Confirm that this email address belongs to your account.
verify-button = Confirm
verify-other-title = This link is for another account
verify-other-text = You’re signed in as { $username }. Sign out, then sign in to the account whose email address you want to confirm.
verify-other-link = Sign out
notice-verify-sign-in = Sign in to confirm your email address.
notice-email-verified = Your email address is confirmed.
link-expired-verify = It expired, was used or was replaced by a newer one, or the address belongs to another account. Request a new link from your account.

## New accounts

register-link = Create an account
register-title = Create an account
register-lead = We’ll email you a link to choose a username and password.
register-button = Send link
register-alert-title = Invalid email address
register-alert-text = Enter an address like name@example.com.
mail-queue-full-title = Too many emails are waiting
# $wait (text): from wait-seconds or wait-minutes
mail-queue-full-text = We can’t send a link right now. Try again in { $wait }.
register-closed-title = Sign-up is closed
register-closed-text = Only an administrator can create accounts here.
notice-account-asked = We’ve sent you an email. Open the link in it to continue.
invite-title = Create your account
invite-lead = Choose a username and password, then sign in.
invite-button = Create account
notice-account-made = Your account is ready. Sign in to continue.
link-expired-invite = It expired, was used or was replaced by a newer one. Ask for a new link.

## Administration

admin-nav = Administration menu
admin-nav-users = Users
admin-nav-events = Events
admin-nav-clients = Clients
admin-nav-keys = Signing keys
admin-nav-account = Your account
admin-link = Administration
admin-users-title = Users
admin-users-none = No users match.
admin-search = Search
admin-search-hint = Username, name, email address or user ID
admin-search-button = Show
admin-state = State
admin-state-any = Not deleted
admin-state-active = Active
admin-state-disabled = Disabled
admin-state-deleted = Deleted
admin-role = Role
admin-role-any = Any
admin-last-sign-in = Last sign-in
admin-never = Never
admin-pages = Pages
admin-previous = Previous page
admin-next = Next page
admin-older = Older events
admin-user-id = User ID
admin-user-kicker = User
admin-email-none = None
admin-email-confirmed = Confirmed
admin-email-unconfirmed = Not confirmed
admin-password-none = None
admin-password-set = Set
# $since (text): a date and time
admin-password-required = A new one is required since { $since }
admin-failed = Failed sign-ins
# $count (number)
admin-failures = { $count ->
    [0] None
   *[other] { $count }
}
# $until (text): a date and time
admin-blocked = Sign-ins are rejected until { $until }
admin-created = Created
admin-read-only = Only administrators can see more of this account and change it.
admin-help = Help
admin-reset-link = Email a reset link
admin-welcome-link = Email a link to choose a password
admin-unlock = Clear failed sign-ins
admin-sign-out = Sign out everywhere
admin-enable = Enable account
admin-disable = Disable account
admin-disable-hint = This signs the user out everywhere. They can’t sign in until the account is enabled.
admin-own-password = Your password
admin-grant = Grant
admin-revoke = Revoke
admin-email-hint = The user is notified at the old address. Leave empty to remove it.
admin-email-save = Save address
admin-invite-title = Invite someone
admin-invite-lead = We’ll email a link to create an account. It works once, within 7 days.
admin-invite-no-role = No role
admin-invite-button = Send invitation
admin-events-title = Events
admin-kind = Event
admin-kind-any = All
admin-kind-sign-in-failed = Failed sign-ins
admin-kind-sign-ins-rejected = Rejected sign-ins
admin-kind-users-imported = Imported accounts
admin-period = Period
admin-period-day = Last 24 hours
admin-period-week = Last 7 days
admin-period-month = Last 30 days
admin-period-all = All
# Before the name of who did it.
admin-by = by
admin-by-command = the command line
admin-by-server = the server
admin-reason-wrong-password = wrong password
admin-reason-unknown-username = unknown username
admin-reason-no-password = the account has no password
admin-reason-disabled = the account is disabled
admin-reason-new-password-required = a new password is required
admin-reason-changed = the account was changed meanwhile
admin-reason-throttled = too many attempts
admin-reason-overloaded = the server was overloaded
admin-reason-invalid-client = unknown client or wrong secret
admin-clients-title = Clients
admin-clients-lead = Clients are registered and changed on the command line.
admin-clients-none = No client is registered.
admin-client-name = Name
admin-client-id = Client ID
admin-client-grants = Grants
admin-client-scopes = Scopes
admin-client-secret = Secret changed
admin-keys-title = Signing keys
admin-keys-lead = Keys are rotated and retired on the command line.
admin-keys-none = Tokens are signed with a shared secret (HS256), not with keys.
admin-key-id = Key ID
admin-key-algorithm = Algorithm
admin-key-signs-from = Signs from
admin-key-tokens = Sessions with valid tokens
admin-key-next = Next
admin-key-signing = Signing
admin-key-old = Old
admin-key-retired = Retired
admin-alert-last-admin-title = The last administrator
admin-alert-last-admin-text = Nothing was changed. Make someone else an administrator first.
admin-alert-no-address-title = No email address
admin-alert-no-address-text = Nothing was sent. Set an email address first.
admin-alert-no-mail-title = This server doesn’t send email
admin-alert-no-mail-text = Nothing was sent. Create a link on the command line: vestibule users reset-link.
admin-alert-queue-full-title = Too many emails are waiting
admin-alert-queue-full-text = Nothing was sent. Try again in a few minutes.
admin-alert-disabled-title = The account is disabled
admin-alert-disabled-text = Nothing was sent. Enable the account first.
admin-alert-role-title = The role can’t be granted
admin-alert-role-text = Nothing was changed. The name is invalid, or the user has too many roles.
admin-alert-email-title = Invalid email address
admin-alert-email-text = Nothing was changed. Use the form name@example.com.
admin-alert-invitations-off-title = Invitations are off
admin-alert-invitations-off-text = Nothing was sent. They need REGISTRATION=invite and a mail server.
admin-alert-unknown-user-title = No such user
admin-alert-unknown-user-text = Enter a username, or leave the field empty.
