<?php
// DokuWiki reads this before all else. What outlives a release is in shared, beside the slots; defaults are the release's.
$fleet_release = require __DIR__ . '/release.php';
$fleet_shared = dirname(__DIR__, 3) . '/shared';
$fleet_defaults = dirname(__DIR__) . '/conf';

// Each answer names the release that gave it, as health.php does.
header("X-Release: $fleet_release");

define('DOKU_CONF', "$fleet_shared/conf/");
$config_cascade = [
    'main' => [
        'default' => ["$fleet_defaults/dokuwiki.php"],
        'local' => [DOKU_CONF . 'local.php'],
        'protected' => [DOKU_CONF . 'local.protected.php', "$fleet_defaults/places.php"],
    ],
    'plugins' => [
        'default' => ["$fleet_defaults/plugins.php"],
        'local' => [DOKU_CONF . 'plugins.local.php'],
        'protected' => ["$fleet_defaults/plugins.required.php", DOKU_CONF . 'plugins.protected.php'],
    ],
];
$fleet_kinds = ['acronyms' => 'conf', 'entities' => 'conf', 'interwiki' => 'conf', 'license' => 'php', 'manifest' => 'json',
    'mediameta' => 'php', 'mime' => 'conf', 'scheme' => 'conf', 'smileys' => 'conf', 'wordblock' => 'conf'];
foreach ($fleet_kinds as $name => $kind) {
    $config_cascade[$name] = ['default' => ["$fleet_defaults/$name.$kind"], 'local' => [DOKU_CONF . "$name.local.$kind"]];
}
