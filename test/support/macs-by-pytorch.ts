/** MACs that PyTorch counts with a dispatch hook: `count` of models/train/macs.py, ten classes; cumulative, per exit. */
export const MACS_BY_PYTORCH: Readonly<Record<string, readonly number[]>> = {
  'slimnet/0.5@24': [1263008, 3821656, 4908048, 8143824],
  'slimnet/0.5@32': [2244352, 6792064, 8722432, 14474176],
  'slimnet/1@24': [4774720, 14997680, 19331616, 32272800],
  'slimnet/1@32': [8486400, 26658560, 34361344, 57366400],
  'lite0/1@96': [29276432, 45750528, 54172896, 71754848],
  'lite0/1@160': [81314320, 127064320, 150632224, 199448224],
};
