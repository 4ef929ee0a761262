<?php
// Read last of all settings: where pages and files are, whatever a wiki's administrator sets.
$conf['savedir'] = "$fleet_shared/data";
// A cache of each release's own: DokuWiki holds one for good that is younger than the files it was made of, and the time
// of a release's file stands for its content, so that one that another release left would always be.
$conf['cachedir'] = "$fleet_shared/cache/$fleet_release";
