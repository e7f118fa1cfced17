### The words of the pages, English. Every key here is in ko.ftl too.
### They say what happened, then what to do next, and never guess at a cause.

## Every page

# What the language calls itself: the switch lists all of them.
language-name = English
language-switch = Language
footer-help = Help
footer-privacy = Privacy
footer-cookies = Cookies are used for signing in only.
footer-requests = Nothing is loaded from other sites.
# Comes before the page title when the page shows an error: "Error: Sign in".
title-error = Error:

## Fields, on more than one page

field-username = Username
field-password = Password
field-display-name = Your name
# Follows the label of a field that may stay empty.
field-optional = (optional)

## Sign in

sign-in-title = Sign in
sign-in-button = Sign in
sign-in-remember = Keep me signed in
sign-in-remember-hint = Only on a device of your own. Without this, you are signed out when the browser is closed.
sign-in-help = Can’t sign in? Ask the administrator of this server.

## Account

account-title = Your account
# A small line above the person's name.
account-signed-in-as = Signed in as
account-roles = Roles
account-signed-in-at = Signed in
account-sign-out-hint = On a shared computer, sign out when you are done.
role-admin = Administrator
account-email = Email
# What the list of the account’s pages is called, for those who do not see it.
account-nav = Your account
account-nav-overview = Overview
account-nav-profile = Profile
account-nav-sessions = Sign-ins
account-nav-password = Password
account-text-kept = What you typed is still here. It is not saved yet.

## Profile

profile-title = Profile
profile-button = Save
profile-alert-title = Nothing was saved
profile-language = Language
profile-language-browser = As the browser asks

## Another email address

email-link = Change the email address
email-link-first = Add an email address
email-title = Change your email address
email-title-first = Add an email address
email-lead = A link is sent to the new address. Your account has it once you open the link, and your present address is told.
email-lead-first = A link is sent to the address. Your account has it once you open the link.
email-no-mail = This server sends no email, so an address cannot be confirmed. Ask the administrator of this server to change yours.
email-present = Present address
email-waiting = New address, not confirmed yet
email-field = New email address
email-field-first = Email address
email-button = Send the link
email-cancel = Keep the present address
email-cancel-first = Add none after all
email-back = Back to the profile
# $username (text): one that is an email address
email-name-stays = Your username stays { $username }: you go on signing in with it.
email-alert-same-title = This is your address already
email-alert-same-text = Nothing was changed. Type another address.
# $wait (text): from wait-seconds or wait-minutes
email-alert-too-many-text = Too many messages were asked for. Nothing was changed. Wait { $wait }, then try again.

## Sign-ins

sessions-title = Where you are signed in
sessions-browsers = Browsers
sessions-programs = Programs
sessions-this = This one
sessions-unknown = Unknown device
sessions-script = Token made by an administrator
sessions-address = Network address
# Before a date.
sessions-began = Signed in
sessions-last-used = Last used
sessions-remembered = Stays signed in when the browser is closed
sessions-end = Sign out
# $name (text): such as "Firefox, Windows"
sessions-end-label = Sign out { $name }
sessions-end-others = Sign out everywhere else
events-title = Recent activity
events-none = Nothing yet.
event-refresh-token-reused = A program was signed out because its token looked stolen
event-signed-in = Signed in
event-signed-in-new-device = Signed in from a new device
event-sign-ins-blocked = Sign-in was blocked after too many wrong passwords
event-password-changed = You changed your password
event-password-set = A new password was set by an administrator or a link
event-session-ended = You signed a device out
event-other-sessions-ended = You signed all other devices out
event-signed-out-by-admin = An administrator signed you out everywhere
event-profile-changed = You changed your profile
event-email-changed = Your email address was changed
event-disabled = An administrator disabled the account
event-enabled = An administrator enabled the account
event-deleted = The account was deleted

## Change the password

password-title = Change your password
password-lead = You are then signed out everywhere but here.
password-button = Change password
password-alert-title = The password was not changed
password-missing = Fill in both your current password and the new one.
password-same = The new password is the same as the current one. Choose another.
password-overtaken = The password was changed elsewhere in the meantime. Type the one that is current now.
field-current-password = Current password
alert-wrong-password-title = Your current password is not right
alert-wrong-password-text = Nothing was changed. Type your current password again.
alert-stale-account-text = It may have been open for a long time or in another tab. Nothing was changed; check it and send it again.

## Delete the account

delete-link = Delete this account
delete-title = Delete your account?
delete-lead = Your name, your address and all sign-ins are removed at once. This cannot be undone, and the username is not given out again.
delete-button = Delete account
delete-stay = Keep the account
alert-last-admin-title = You are the only administrator
alert-last-admin-text = Make somebody else an administrator first. Nothing was deleted.

## Sign out

sign-out-title = Sign out?
sign-out-lead = You are still signed in on this browser.
sign-out-button = Sign out
sign-out-stay = Stay signed in

## Setup

setup-title = Create the first administrator
setup-lead = This makes the first administrator of this server. Once it exists, this page closes.
setup-username-hint = Letters, digits and . _ - + (not only digits)
# $min (number): the fewest characters
new-password-hint = At least { $min } characters. A few unrelated words work well.
setup-button = Create administrator
setup-alert-title = The account was not created

## Notices: something went well, or simply happened

notice-signed-out = You are signed out.
notice-session-ended = Your session has ended. Sign in again to continue.
notice-set-up = Your administrator account is ready.
notice-profile-saved = Your profile is saved.
notice-email-asked = A message is on its way to the new address. Open the link in it within 24 hours.
notice-email-cancelled = Your address stays as it is.
notice-password-changed = Your password is changed. You are signed out everywhere else.
notice-one-ended = That device is signed out.
notice-others-ended = You are signed out everywhere else.
notice-text-kept = Your session has ended. Sign in again: what you typed is kept.
notice-account-deleted = Your account is deleted.

## Alerts: the form was not accepted

alert-wrong-credentials-title = The username or password is not right
alert-wrong-credentials-text = Check both and type the password again. If it still does not work, ask the administrator of this server.
alert-missing-title = Something is missing
alert-missing-text = Fill in both the username and the password.
alert-throttled-title = Too many attempts
# $wait (text): from wait-seconds or wait-minutes
alert-throttled-text = Wait { $wait }, then try again. Until then, even the right password is not accepted.
alert-disabled-title = This account is disabled
alert-disabled-text = To have it enabled again, ask the administrator of this server.
alert-stale-title = The form was out of date
alert-stale-text = It may have been open for a long time or in another tab. Your username is still here; type the password again.
# On the sign-out page, where there is no username.
alert-stale-sign-out-text = It may have been open for a long time or in another tab. To sign out, use the button below.
alert-no-cookie-title = The cookie did not come back
alert-no-cookie-text = Your browser did not send back the cookie this page needs. Allow cookies for this site, then try again.
# $url (text): the https address to open. The title is alert-no-cookie-title.
alert-insecure-cookie-text = This server is set up for https, but this page was opened over http, so your browser drops its cookie. Open { $url } instead.
alert-busy-title = The server is busy
# $wait (text): from wait-seconds or wait-minutes
alert-busy-text = Your password has not been checked yet. Wait { $wait }, then try again.
alert-elsewhere-title = The form came from another site
alert-elsewhere-text = It was not accepted, and nothing was changed. If you meant to do this, use the form on this page.
alert-bad-form-title = The form could not be read
alert-bad-form-text = Nothing was changed. Fill in the form on this page and send it again.

## Waiting times and dates

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
# $day (number or text), $month (number, 1 to 12), $year (text), $time (text, "13:05")
date-time = { $month ->
    [1] { $day } January { $year }, { $time } UTC
    [2] { $day } February { $year }, { $time } UTC
    [3] { $day } March { $year }, { $time } UTC
    [4] { $day } April { $year }, { $time } UTC
    [5] { $day } May { $year }, { $time } UTC
    [6] { $day } June { $year }, { $time } UTC
    [7] { $day } July { $year }, { $time } UTC
    [8] { $day } August { $year }, { $time } UTC
    [9] { $day } September { $year }, { $time } UTC
    [10] { $day } October { $year }, { $time } UTC
    [11] { $day } November { $year }, { $time } UTC
    [12] { $day } December { $year }, { $time } UTC
   *[other] { $year }-{ $month }-{ $day }, { $time } UTC
}
# How long ago something was; less than a minute is now. $count (number)
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
# $ago (text): from the above, $time (text): from date-time
ago-and-time = { $ago } · { $time }

## Rules for names and passwords

# $min (number)
password-too-short = The password is too short. Use at least { $min } characters.
# $max (number)
password-too-long = The password is too long. Use at most { $max } characters.
# Why a password is guessed soon. Each is followed by password-weak-advice.
password-weak-own-words = The password holds little more than names or addresses of yours or of this site, which are tried first.
password-weak-common = Many people use this password or one like it, so it is among the first to be tried.
password-weak-keyboard = The password follows the keys of a keyboard, which is easy to guess.
password-weak-repeats = The password repeats the same characters, which is easy to guess.
password-weak-sequence = The password counts up or follows the alphabet, which is easy to guess.
password-weak-date = The password is mostly a date or a year, which is easy to guess.
password-weak-name = The password is mostly a common name, which is easy to guess.
password-weak-word = The password holds little more than a single word, which is easy to guess.
password-weak-advice = Use several unrelated words instead.
# On a button that appears beside the field.
new-password-show = Show password
password-is-username = The password is the same as the username. Choose a different password.
password-bad-characters = The password contains a character that cannot be used, such as a control character. Use letters, digits, spaces and symbols.
username-invalid = This username cannot be used. Use 1 to 64 characters: letters, digits and . _ - + but not only digits.
username-taken = This username is already taken. Choose another.
username-at-sign = A username cannot contain @. Choose a name that is not an email address.
# $max (number)
display-name-invalid = This name cannot be used. Use at most { $max } characters, all on one line, or leave it empty.

## Links that no longer work

link-invalid-title = This link is not valid any more
link-invalid-text = It was used, replaced by a newer one, or it expired. For a fresh link, run “vestibule setup-link” on the server.
# After one of the texts on why a link is dead, when the browser sent no cookie.
link-without-cookie = If you opened it just now, your browser may not keep the cookie this page needs: allow cookies for this site, then open the link again.

## Error pages

error-not-found-title = Page not found
error-not-found-text = There is no page at this address. Check the address, or go on from the link below.
error-method-title = This page cannot do that
error-method-text = The page does not accept this kind of request. Go on from the link below.
error-too-large-title = Too much was sent
error-too-large-text = The request is larger than this server accepts. Go back, shorten what you typed, and send it again.
error-bad-request-title = The request could not be read
error-bad-request-text = Something in the address or the form is not in the right shape. Go on from the link below and try again.
error-internal-title = Something went wrong on our side
error-internal-text = This is our fault, not yours. Try again in a moment. If it keeps happening, tell the administrator the request ID below.
error-unavailable-title = The service is not available right now
error-unavailable-text = Wait a moment, then try again. If it stays like this, tell the administrator of this server.
error-request-id = Request ID
error-link-home = Go to your account
error-link-sign-in = Go to sign in

## An application behind a reverse proxy keeps sending a signed-in person here

returns-title = You are going round in circles
# $place (text): the address of the application, such as https://app.example.com
returns-lead = You are signed in here, but { $place } keeps sending you back to sign in. Its reverse proxy does not recognise you.
returns-cookies = Check that your browser accepts cookies from both addresses, and that both were opened over https.
returns-clock = Check that the date and time on this device are right.
returns-admin = If it stays like this, tell the administrator of this server: COOKIE_DOMAIN must contain the application’s address, the proxy must pass cookies on to this server, and the clocks of both must agree.
returns-again = Try again

## A reverse proxy does not let somebody through

refused-role-title = You may not open this page
refused-role-text = You are signed in, but your account lacks the role that this page needs. If you should have it, ask the administrator.

## Rescue: an administrator who is locked out chooses a new password

rescue-title = Choose a new password
rescue-lead = This link lets you choose a new password for the account below. All its other sessions end.
field-new-password = New password
rescue-button = Save and sign in
rescue-alert-title = The password was not changed
notice-rescued = Your new password is saved.

## Mails. In all of them: $product (text), $username (text), $url (text, this server's address)

mail-greeting = Hello { $username },
mail-greeting-nobody = Hello,
mail-link-hint = If the button does not work, copy this address into your browser:
mail-footer = { $product } sent this message from { $url }. Nobody reads replies to it.
mail-fact-device = Browser
mail-fact-address = Network address
mail-fact-time = Time
mail-reset-subject = Choose a new password for { $product }
mail-reset-text = Somebody, hopefully you, asked for a new password for your account. The link works once, for 30 minutes.
mail-reset-link = Choose a new password
mail-reset-note = If it was not you, there is nothing to do: your password stays as it is.
mail-verify-subject = Confirm your address for { $product }
mail-verify-text = Open the link to confirm that this address is yours. It works once, for 24 hours.
mail-verify-link = Confirm the address
mail-verify-note = If you know nothing of this, leave the link alone: without it, nothing changes.
mail-register-subject = Create your account at { $product }
mail-register-text = You asked for an account. Open the link to choose a username and a password. It works once, for 24 hours.
mail-register-link = Create the account
mail-register-note = If it was not you, there is nothing to do: no account is made.
mail-invite-subject = You are invited to { $product }
mail-invite-text = The administrator invites you. Open the link to choose a username and a password. It works once, for 7 days.
mail-invite-link = Create your account
mail-invite-note = If you do not want an account, there is nothing to do.
mail-address-in-use-subject = You have an account at { $product } already
mail-address-in-use-text = Somebody, hopefully you, asked for a new account with this address. It belongs to your account already. If you forgot the password, you can choose a new one.
mail-address-in-use-link = Choose a new password
mail-address-in-use-note = If it was not you, there is nothing to do: nothing was changed.
mail-password-changed-subject = Your password for { $product } was changed
mail-password-changed-text = The password of your account was changed.
mail-password-changed-link = If it was not you, choose a new password
mail-password-changed-note = If it was you, there is nothing to do.
mail-new-device-subject = New sign-in to { $product }
mail-new-device-text = Somebody signed in to your account at a browser that was not used for it before.
mail-new-device-link = If it was not you, choose a new password
mail-new-device-note = If it was you, there is nothing to do.
mail-address-wanted-subject = Your address was asked for at { $product }
mail-address-wanted-text = Somebody who is signed in to another account, perhaps you, asked to use this address there. It belongs to your account already, so that nothing was changed.
mail-address-wanted-note = If you want it for the other account, give this account another address first. If it was not you, there is nothing to do.
mail-email-change-asked-subject = Another address was asked for at { $product }
mail-email-change-asked-text = Somebody, hopefully you, asked that your account have another address. Once that address is confirmed, it takes the place of this one.
mail-email-change-asked-link = If it was not you, choose a new password
mail-email-change-asked-note = A new password stops it. If it was you, there is nothing to do here: open the link in the message to the new address.
mail-email-changed-subject = Your address at { $product } was changed
mail-email-changed-text = Your account has another address now. This is the last message to this one.
mail-email-changed-note = If it was not you, tell the administrator of the server at once.
mail-account-deleted-subject = Your account at { $product } was deleted
mail-account-deleted-text = Your account and its personal data were deleted. You cannot sign in with it any more.
mail-account-deleted-note = If it was not you, tell the administrator of the server at once.

## A new password by mail

forgot-link = Forgot your password?
forgot-title = Get a new password
forgot-lead = A link to choose a new password is sent to the email address of your account.
field-login = Username or email address
forgot-button = Send the link
forgot-back = Back to sign in
forgot-alert-title = Something is missing
forgot-alert-text = Fill in your username or the email address of your account.
forgot-no-mail = This server sends no email. Ask the administrator of this server for a link to choose a new password.
notice-reset-asked = If there is such an account with an email address, a link is on its way. It works for 30 minutes.
reset-title = Choose a new password
reset-lead = You are signed out everywhere, then sign in with the new password.
reset-button = Save the password
notice-password-reset = Your new password is saved. Sign in with it.
link-dead-reset = It was used, replaced by a newer one, or it expired. Ask for a fresh one.
alert-too-many-requests-title = Too many requests
# $wait (text): from wait-seconds or wait-minutes
alert-too-many-requests-text = Too much was asked for from your network. Wait { $wait }, then try again.
# $wait is a time in words.
alert-too-many-answers-text = This link was answered too often. Wait { $wait }, then try again.

## Confirming an address

field-email = Email address
verify-title = Is this your address?
verify-lead = Confirm that this email address belongs to your account.
verify-button = Confirm
notice-email-verified = Your email address is confirmed.
link-dead-verify = It was used, replaced by a newer one, or it expired, or the address belongs to another account. Ask for a fresh one on your account page.

## New accounts

register-link = Create an account
register-title = Create an account
register-lead = First, a link is sent to your email address. With it you choose a username and a password.
register-button = Send the link
register-alert-title = This is not an email address
register-alert-text = Check it and send it again. An address looks like name@example.com.
register-closed-title = No new accounts here
register-closed-text = Accounts on this server are made by its administrator. Ask there for one.
notice-account-asked = A message is on its way to this address. Open the link in it to go on.
invite-title = Create your account
invite-lead = Choose a username and a password. Then sign in with them.
invite-button = Create the account
notice-account-made = Your account is ready. Sign in with it.
link-dead-invite = It was used, replaced by a newer one, or it expired. Ask whoever sent it for a fresh one.
