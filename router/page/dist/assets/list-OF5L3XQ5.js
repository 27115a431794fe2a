import{p as a,q as b}from"./chunk-7BK3YOKX.js";import"./chunk-3ZQV5TZL.js";import"./chunk-73IDQYZD.js";export{b as ConversationList,a as ListOfLinks};
